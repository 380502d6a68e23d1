import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "@node-rs/crc32";
import fc from "fast-check";
import { createEntryDecoder } from "../../../../worker/source/protocol/entry-decoder.ts";
import { type EntryMemory, entryMemory } from "../../../../worker/source/protocol/entry-memory.ts";
import { FrameSplitter } from "../../../../worker/source/protocol/frame-splitter.ts";
import { entryMetadata } from "../../../../worker/source/protocol/metadata-codec.ts";

const KIB = 1024;

/** The frame of an entry without a command in front, whose bytes are all `fill`. */
function frame(fill: number, size: number): Buffer {
  const metadata = entryMetadata.encode({ producerName: "p", sequenceId: 0, publishTime: 1 });
  const checked = Buffer.concat([Buffer.alloc(4), metadata, Buffer.alloc(size, fill)]);
  checked.writeUInt32BE(metadata.length, 0);
  const head = Buffer.from([0, 0, 0, 0, 0x0e, 0x01, 0, 0, 0, 0]);
  head.writeUInt32BE(head.length - 4 + checked.length, 0);
  head.writeUInt32BE(crc32c(checked), 6);
  return Buffer.concat([head, checked]);
}

test("memory that was given back is used again, and what still looks at it throws", () => {
  const memory = entryMemory();
  const first = memory.own(200 * KIB);
  first.fill(1);
  const view = first.subarray(10, 20);
  memory.giveBack(first);
  assert.throws(() => first.subarray(0, 1), TypeError);
  assert.equal(view.length, 0);
  const second = memory.own(190 * KIB);
  assert.equal(second.length, 190 * KIB);
  assert.equal(second[0], 1, "it is the memory of the first");
});

test("memory of its own is also given back where it is too small to be kept", () => {
  const memory = entryMemory();
  const small = memory.copy(Buffer.alloc(10 * KIB, 7), 0, 10 * KIB);
  assert.ok(memory.owns(small.length));
  memory.giveBack(small);
  assert.equal(small.length, 0);
});

test("entries keep their bytes until they are released, whatever is released before and after", () => {
  const sizes = fc.constantFrom(100, 3 * KIB, 70 * KIB, 200 * KIB);
  const entries = fc.array(fc.record({ size: sizes, cut: fc.nat(), release: fc.nat() }), { maxLength: 30 });
  fc.assert(
    fc.property(entries, (drawn) => {
      const memory: EntryMemory = entryMemory();
      const decoder = createEntryDecoder({ maxUncompressedBytes: KIB * KIB, decryptor: null, memory });
      const held: { payload: () => Uint8Array; fill: number; size: number; release: (() => void) | null }[] = [];
      let fill = 0;
      let size = 0;
      const splitter = new FrameSplitter((bytes, start, end, owned) => {
        const where = { ledger: 1, entry: 1, partition: 0 };
        const { messages = [], release = null } = decoder.decode(bytes, start, end, owned, where, null) ?? {};
        held.push({ payload: () => messages[0]?.payload ?? Buffer.alloc(0), fill, size, release });
      }, memory.own);
      for (const each of drawn) {
        fill = (fill + 1) % 251;
        size = each.size;
        const bytes = frame(fill, size);
        const cut = each.cut % bytes.length;
        // As the socket does: its buffer is overwritten.
        for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
          const chunk = Buffer.from(part);
          splitter.push(chunk, chunk.length);
          chunk.fill(0xff);
        }
        for (const one of held) {
          const payload = one.payload();
          assert.equal(payload.length, one.size);
          assert.ok(payload.every((byte) => byte === one.fill));
        }
        if (each.release % 2 === 0) held.splice(each.release % held.length, 1)[0]?.release?.();
      }
    }),
    { numRuns: 30 },
  );
});
