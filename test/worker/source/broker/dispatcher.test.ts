import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { systemClock } from "../../../../runtime/clock.ts";
import { createForeignText } from "../../../../runtime/foreign-text.ts";
import { createDispatcher } from "../../../../worker/source/broker/dispatcher.ts";
import { createRefusal } from "../../../../worker/source/broker/failures.ts";
import { createRequests } from "../../../../worker/source/broker/requests.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import { createEntryDecoder } from "../../../../worker/source/protocol/entry-decoder.ts";
import { entryMemory } from "../../../../worker/source/protocol/entry-memory.ts";
import { FrameSplitter } from "../../../../worker/source/protocol/frame-splitter.ts";
import { MalformedError } from "../../../../worker/source/protocol/protobuf-reader.ts";
import { ProtobufWriter } from "../../../../worker/source/protocol/protobuf-writer.ts";

/** A frame whose outer shape is sound, with any command and any content. */
function shapedFrame(command: number, content: Uint8Array, following: Uint8Array): Buffer {
  const writer = new ProtobufWriter();
  writer.position = 8;
  writer.tag(1, 0);
  writer.varint(command);
  writer.tag(command, 2);
  writer.lengthDelimited(content);
  const commandEnd = writer.position;
  writer.raw(following);
  const frame = writer.finish();
  frame.writeUInt32BE(frame.length - 4, 0);
  frame.writeUInt32BE(commandEnd - 8, 4);
  return frame;
}

const content = fc.uint8Array({ maxLength: 120 });
/** Tags and small numbers, which get further than random bytes do. */
const plausible = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.constantFrom(0, 2), fc.nat(20)), { maxLength: 8 })
  .map((fields) => Uint8Array.from(fields.flatMap(([field, wireType, value]) => [field * 8 + wireType, value])));
const random = content.map((bytes) => {
  const frame = Buffer.concat([Buffer.alloc(4), bytes, Buffer.alloc(4)]);
  frame.writeUInt32BE(frame.length - 4, 0);
  return frame;
});
const shaped = fc
  .tuple(fc.constantFrom(...Object.values(Command)), fc.oneof(content, plausible), content)
  .map(([command, body, following]) => shapedFrame(command, body, following));

/** A MESSAGE of a known consumer, whose entry may be anything. */
const message = fc.tuple(fc.nat(20), fc.nat(127), plausible, content).map(([consumerId, entry, more, following]) => {
  const command = Uint8Array.from([8, consumerId, 18, 4, 8, 1, 16, entry, ...more]);
  return shapedFrame(Command.MESSAGE, command, following);
});

test("whatever a broker sends is dispatched or malformed, and never anything else", () => {
  const decoder = createEntryDecoder({ maxUncompressedBytes: 10_000, decryptor: null, memory: entryMemory() });
  let dispatched = 0;
  let received = 0;
  fc.assert(
    fc.property(fc.oneof(random, { arbitrary: shaped, weight: 4 }, message), (frame) => {
      const foreign = createForeignText();
      const requests = createRequests("broker", createRefusal(foreign), systemClock);
      const seen = (): void => {
        dispatched += 1;
      };
      const dispatcher = createDispatcher("broker", foreign, requests, {
        onConnected: seen,
        onPing: seen,
        onPong: seen,
        onChallenge: seen,
        onRefused: seen,
      });
      for (let id = -1; id <= 20; id++) {
        dispatcher.producers.set(id, { onReceipt: seen, onSendError: seen, onClosed: seen });
        dispatcher.consumers.set(id, {
          onMessage(command, bytes, start, end, owned) {
            received += 1;
            const where = { ledger: command.ledger, entry: command.entry, partition: -1 };
            for (const message of decoder.decode(bytes, start, end, owned, where, command.ackSet)?.messages ?? []) {
              void [message.id, message.payload, message.properties, message.eventTime];
            }
          },
          onActiveChange: seen,
          onEndOfTopic: seen,
          onClosed: seen,
          onTurnEnd: seen,
        });
      }
      const splitter = new FrameSplitter(dispatcher.onFrame);
      try {
        splitter.push(frame, frame.length);
        dispatcher.turnEnd();
      } catch (error) {
        assert.ok(error instanceof MalformedError, String(error));
      }
    }),
    { numRuns: 5_000 },
  );
  assert.ok(dispatched > 100 && received > 5, `${dispatched} commands and ${received} messages got through`);
});
