import assert from "node:assert/strict";
import { test } from "node:test";
import {
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
import { parts, resourceSchema } from "./resource-definition.ts";

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
