import assert from "node:assert/strict";
import { test } from "node:test";
import { refuseDefect } from "../../../worker/format/defect.ts";
import { PoisonError } from "../../../worker/format/format.ts";
import { messageOf } from "./message.ts";

test("a sound entry passes", () => refuseDefect(messageOf({})));

for (const [code, text] of [
  ["CorruptEntry", /^The entry cannot be read: the checksum does not match\. .*Pulsar's tools/],
  ["EncryptionKeyMissing", /^The message cannot be decrypted: the checksum does not match\.$/],
  ["DecryptionFailed", /^The message cannot be decrypted: the checksum does not match\.$/],
] as const) {
  test(`an entry that could not be read is poison: ${code}`, () =>
    assert.throws(
      () => refuseDefect(messageOf({ defect: { code, message: "the checksum does not match" } })),
      (error) => error instanceof PoisonError && error.code === code && text.test(error.message),
    ));
}
