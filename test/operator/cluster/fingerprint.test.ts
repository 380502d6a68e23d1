import assert from "node:assert/strict";
import { test } from "node:test";
import { fingerprint } from "../../../operator/cluster/fingerprint.ts";
import { LEASES, ROLES } from "../../../operator/kube/objects.ts";

const metadata = { name: "a", uid: "u", resourceVersion: "1", labels: { l: "1" }, annotations: { mark: "1" } };
const marked = { metadata: { ...metadata, resourceVersion: "2", annotations: { mark: "2" } } };
const relabelled = { metadata: { ...metadata, resourceVersion: "2", labels: { l: "2" } } };

test("what workers write to their sink's Lease is no change of it, what others do to it is", () => {
  assert.equal(fingerprint(LEASES, { metadata }), fingerprint(LEASES, marked));
  assert.notEqual(fingerprint(LEASES, { metadata }), fingerprint(LEASES, relabelled));
  assert.notEqual(fingerprint(ROLES, { metadata }), fingerprint(ROLES, marked));
});
