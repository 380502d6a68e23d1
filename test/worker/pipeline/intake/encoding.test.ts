import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PoisonError } from "../../../../worker/format/format.ts";
import { addedBytes, dataBytes, encodeMessage, NotNowError } from "../../../../worker/pipeline/intake/encoding.ts";
import { message } from "../messages.ts";

const limits = { maxRecords: 3, maxBytes: 100, maxRecordBytes: 50 };

describe("encoding", () => {
  const format = { prepare: () => undefined, encode: () => null };

  test("refuses what is above the stream's record size, keys included", () => {
    assert.equal(encodeMessage(format, limits, message("k", "x".repeat(49)), "t", 1), null);
    assert.throws(() => encodeMessage(format, limits, message("k", "x".repeat(50)), "t", 1), {
      code: "RecordTooLarge",
    });
    const made = { ...format, encode: () => new Uint8Array(50) };
    assert.throws(() => encodeMessage(made, limits, message("k", ""), "t", 1), { code: "RecordTooLarge" });
  });

  test("refuses an entry that cannot be read", () => {
    const { entry, ...rest } = message("k", "x");
    for (const code of ["CorruptEntry", "EncryptionKeyMissing", "DecryptionFailed"] as const) {
      const defective = { ...rest, entry: { ...entry, defect: { code, message: "because" } } };
      assert.throws(() => encodeMessage(format, limits, defective, "t", 1), { code, message: /: because\./ });
    }
  });

  test("takes any other failure of a format as poison, so that it is neither dropped nor tried for ever", () => {
    const broken = { ...format, encode: () => assert.fail("bug") };
    assert.throws(() => encodeMessage(broken, limits, message("k", "x"), "t", 1), PoisonError);
  });

  test("takes a shortage of memory for what passes, and not for poison", () => {
    const shortages = [
      new RangeError("Array buffer allocation failed"),
      Object.assign(new Error("Failed to allocate memory"), { code: "ERR_MEMORY_ALLOCATION_FAILED" }),
    ];
    for (const shortage of shortages) {
      const short = {
        ...format,
        encode: () => {
          throw shortage;
        },
      };
      assert.throws(() => encodeMessage(short, limits, message("k", "x"), "t", 1), NotNowError);
    }
  });

  test("keeps nothing of a record that is the payload, and counts what it keeps of others", () => {
    const each = message("k", "payload");
    assert.equal(dataBytes(each, null), 7);
    assert.equal(addedBytes(null), 0);
    const made = encodeMessage({ ...format, encode: () => new Uint8Array(3) }, limits, each, "t", 1);
    assert.equal(dataBytes(each, made), 3);
    assert.equal(addedBytes(made), 3);
  });
});
