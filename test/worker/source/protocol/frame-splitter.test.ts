import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameSplitter } from "../../../../worker/source/protocol/frame-splitter.ts";
import { MalformedError } from "../../../../worker/source/protocol/protobuf-reader.ts";

function frame(body: Uint8Array): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(body.length);
  return Buffer.concat([size, body]);
}

test("frames come out whole in whatever pieces they arrive", () => {
  const bodies = fc.array(fc.uint8Array({ minLength: 4, maxLength: 60 }), { maxLength: 12 });
  const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 90 }));
  fc.assert(
    fc.property(bodies, cuts, (sent, pieces) => {
      const received: Buffer[] = [];
      const splitter = new FrameSplitter((bytes, start, end, owned) => {
        if (owned) assert.deepEqual([start, end], [0, bytes.length]);
        received.push(Buffer.from(bytes.subarray(start, end)));
      });
      const stream = Buffer.concat(sent.map(frame));
      // As the socket does: one buffer that is overwritten by the next piece.
      const socketBuffer = Buffer.alloc(100);
      for (let position = 0; position < stream.length; ) {
        const length = Math.min(pieces.next().value ?? 1, stream.length - position);
        stream.copy(socketBuffer, 0, position, position + length);
        splitter.push(socketBuffer, length);
        socketBuffer.fill(0xee);
        position += length;
      }
      assert.deepEqual(
        received,
        sent.map((body) => Buffer.from(body)),
      );
    }),
  );
});

test("a frame beyond the broker's limit is refused by its first four bytes", () => {
  for (const size of [0, 3, 5 * 1024 * 1024 + 10 * 1024 + 1, 0xffffffff]) {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(size);
    const splitter = new FrameSplitter(() => assert.fail("no frame"));
    assert.throws(() => splitter.push(header, 4), MalformedError, String(size));
    const slow = new FrameSplitter(() => assert.fail("no frame"));
    slow.push(header, 3);
    assert.throws(() => slow.push(header.subarray(3), 1), MalformedError, String(size));
  }
});

test("the limit follows the broker's largest message", () => {
  let frames = 0;
  const splitter = new FrameSplitter(() => frames++);
  splitter.maxMessageSize = 6 * 1024 * 1024;
  const large = frame(Buffer.alloc(6 * 1024 * 1024));
  splitter.push(large, large.length);
  assert.equal(frames, 1);
});
