import assert from "node:assert/strict";
import { test } from "node:test";
import { poisonReasons, type Reason, sourceReasons, streamReasons, workerReasons } from "../../crds/reasons.ts";
import { parts, resourceSchema } from "./resource-definition.ts";

const tables: readonly Readonly<Record<string, Reason>>[] = [
  sourceReasons,
  streamReasons,
  poisonReasons,
  workerReasons,
];

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
