import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { partitionKey, spreadKey } from "../../../worker/format/partition-key.ts";
import { messageOf } from "./message.ts";

const TOPIC = "persistent://public/default/orders-partition-3";
const keyOf = (key: string | null, topic = TOPIC): string => partitionKey(messageOf({ key }), topic);

describe("partition key", () => {
  test("is the message's key", () => assert.equal(keyOf("a"), "a"));
  test("without a key is the topic", () => assert.equal(keyOf(null), TOPIC));
  test("with an empty key is the topic", () => assert.equal(keyOf(""), TOPIC));
  test("with neither is `default`", () => assert.equal(keyOf(null, ""), "default"));
  test("of 256 units stays whole", () => assert.equal(keyOf("x".repeat(256)), "x".repeat(256)));
  test("of 257 units is cut to 255", () => assert.equal(keyOf("x".repeat(257)), "x".repeat(255)));
  test("of a long topic is cut like a key", () => assert.equal(keyOf(null, "t".repeat(300)), "t".repeat(255)));
  test("of 256 units in pairs stays whole", () => assert.equal(keyOf("😀".repeat(128)), "😀".repeat(128)));
  test("cut inside a surrogate pair ends in `?`", () => assert.equal(keyOf("😀".repeat(129)), `${"😀".repeat(127)}?`));
  test("has every lone half replaced by `?`", () => {
    assert.equal(keyOf("a\ud83db\ude00\ude00c😀\ud83d"), "a?b??c😀?");
  });

  test("spread: a message without a key has its own id as key, another its key", () => {
    const [first, second] = [messageOf({ id: "1:2:0" }), messageOf({ id: "1:3:0", key: "" })];
    assert.deepEqual([spreadKey(first, TOPIC), spreadKey(second, TOPIC)], ["1:2:0", "1:3:0"]);
    assert.equal(spreadKey(messageOf({ id: "1:4:0", key: "a" }), TOPIC), "a");
  });

  test("is always what Kinesis accepts", () => {
    const text = fc.string({
      unit: fc.integer({ min: 0, max: 0xffff }).map((u) => String.fromCharCode(u)),
      maxLength: 400,
    });
    fc.assert(
      fc.property(fc.option(text), text, (key, topic) => {
        const result = keyOf(key, topic);
        assert.ok(result.length >= 1 && result.length <= 256);
        assert.ok(result.isWellFormed());
        assert.equal(Buffer.byteLength(result), Buffer.from(result).length);
      }),
    );
  });
});
