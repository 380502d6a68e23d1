import assert from "node:assert/strict";
import { test } from "node:test";
import { type MessageCommand, parseMessageCommand } from "../../../../worker/source/protocol/message-command.ts";
import { ProtobufReader } from "../../../../worker/source/protocol/protobuf-reader.ts";

/** A message id, then what is given. */
function parsed(ackSet: Buffer): MessageCommand {
  const bytes = Buffer.concat([Buffer.from([8, 1, 18, 4, 8, 7, 16, 3]), ackSet]);
  const command: MessageCommand = { consumerId: 0, ledger: 0, entry: 0, redeliveryCount: 0, ackSet: null };
  parseMessageCommand(new ProtobufReader().over(bytes, 0, bytes.length), command);
  return command;
}

function packed(words: Buffer): Buffer {
  const size = [0, 7, 14, 21].map((shift) => ((words.length >> shift) & 0x7f) | (shift < 21 ? 0x80 : 0));
  return Buffer.concat([Buffer.from([34, ...size]), words]);
}

test("an ack set is read packed or word by word, and is one", () => {
  assert.deepEqual(parsed(Buffer.from([32, 5])).ackSet, [5, 0]);
  assert.deepEqual(
    parsed(Buffer.concat([Buffer.from([32, 5]), packed(Buffer.from([6, 7]))])).ackSet,
    [5, 0, 6, 0, 7, 0],
  );
  assert.equal(parsed(Buffer.alloc(0)).ackSet, null);
});

/** As many as the largest frame holds. */
const MANY = 2_500_000;

for (const [name, bytes] of [
  ["word by word", Buffer.alloc(2 * MANY, Buffer.from([32, 1]))],
  ["packed", packed(Buffer.alloc(2 * MANY, 1))],
] as const) {
  test(`an ack set is read as far as a batch reaches, in time that its length takes: ${name}`, () => {
    const before = process.threadCpuUsage();
    const { ackSet, entry } = parsed(bytes);
    const { user, system } = process.threadCpuUsage(before);
    assert.equal(ackSet?.length, 31_250);
    assert.equal(entry, 3);
    assert.ok(user + system < 2_000_000, `${(user + system) / 1000} ms`);
  });
}
