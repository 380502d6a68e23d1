import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  operatorReasons,
  type PoisonReason,
  poisonReasons,
  type Reason,
  type SourceReason,
  type StreamReason,
  sourceReasons,
  streamReasons,
  workerReasons,
} from "../../crds/reasons.ts";
import type { PoisonCode } from "../../worker/format/format.ts";
import type { SinkFailureCode } from "../../worker/sink/sink.ts";
import type { SourceFailureCode } from "../../worker/source/source.ts";
import { CRDS, parts, resourceSchema } from "./resource-definition.ts";

const CHECKOUT = join(CRDS, "..");

/** Compiles only when the worker's codes and the documented reasons are the same. */
type Same<Left, Right> = [Left, Right] extends [Right, Left] ? true : never;
const sameSource: Same<SourceFailureCode, SourceReason> = true;
const sameStream: Same<SinkFailureCode, StreamReason> = true;
const samePoison: Same<PoisonCode, PoisonReason> = true;

const tables: readonly Readonly<Record<string, Reason>>[] = [
  sourceReasons,
  streamReasons,
  poisonReasons,
  workerReasons,
];

test("every code of the worker is a documented reason", () => {
  assert.ok(sameSource && sameStream && samePoison);
});

/** Words in the operator's status that are no reasons: Kubernetes', and those of conditions, states and Events. */
const NO_REASONS = new Set([
  ...["True", "False", "Ready", "Reconciling", "Stalled", "SourceConnected", "StreamWritable", "Throttled"],
  ...["Progressing", "ReplicaFailure", "PodScheduled", "ContainerCreating", "PodInitializing", "Failed", "Error"],
  ...["Waiting", "Normal", "Warning", "Reconcile", "Repair", "Unknown"],
]);

test("every reason that the operator gives itself is documented, and no other", () => {
  const files = globSync(["operator/{status,reconcile}/*.ts", "operator/cluster/pod-cause.ts"], { cwd: CHECKOUT });
  const words = files.flatMap(
    (file) => readFileSync(join(CHECKOUT, file), "utf8").match(/(?<=")[A-Z][A-Za-z]+(?=")/g) ?? [],
  );
  const given = new Set(words.filter((word) => !NO_REASONS.has(word) && !Object.hasOwn(workerReasons, word)));
  const documented = Object.keys(operatorReasons).filter((word) => !Object.hasOwn(workerReasons, word));
  assert.deepEqual([...given].sort(), documented.sort());
});

test("every reason fits the schema", () => {
  const reasons = parts(resourceSchema()).filter(([path]) => /^status\.workers.*\.reason$/.test(path));
  assert.equal(reasons.length, 4);
  for (const [, { pattern, maxLength }] of reasons) {
    for (const name of tables.flatMap(Object.keys)) {
      assert.match(name, new RegExp(pattern ?? assert.fail()));
      assert.ok(name.length <= (maxLength ?? 0));
    }
  }
});
