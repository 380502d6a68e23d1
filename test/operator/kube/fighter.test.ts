import assert from "node:assert/strict";
import { test } from "node:test";
import { fighterOf } from "../../../operator/kube/fighter.ts";

const ours = { manager: "kinesis-sink-operator", operation: "Apply", time: "2026-01-01T00:00:05Z" };
const kubelet = { manager: "kube-controller-manager", subresource: "status", time: "2026-01-01T00:00:09Z" };
const revision = { manager: "kube-controller-manager", time: "2026-01-01T00:00:08Z" };

test("who changed an object last is named, and not who writes its status or its revision", () => {
  const kubectl = { manager: "kubectl-edit", time: "2026-01-01T00:00:05Z" };
  assert.equal(fighterOf([ours, kubectl, kubelet, revision]), "field manager kubectl-edit");
  assert.match(fighterOf([ours, kubelet, revision]), /kinesis-sink-operator: does another operator/);
  assert.equal(fighterOf([kubelet]), "somebody");
});

test("an autoscaler of the Deployment is told what to scale instead", () => {
  const hpa = {
    manager: "kube-controller-manager",
    subresource: "scale",
    time: "2026-01-01T00:00:07Z",
    fieldsV1: { "f:spec": { "f:replicas": {} } },
  };
  const early = { ...hpa, time: "2025-01-01T00:00:00Z" };
  assert.match(fighterOf([ours, early]), /which sets spec\.replicas/, "whatever the times");
  const both = { ...ours, fieldsV1: { "f:spec": { "f:replicas": {} } } };
  assert.match(fighterOf([both, early]), /another operator/, "it has scaled to the same number once");
  assert.match(fighterOf([ours, hpa, revision]), /kube-controller-manager, which sets spec\.replicas: .* KinesisSink/);
});
