import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hashKey, toDecimal, toHashKey } from "../../../worker/sink/hash-key.ts";
import { createShardMap } from "../../../worker/sink/shard-map.ts";
import type { Shard } from "../../../worker/sink/sink.ts";

const MAX = (1n << 128n) - 1n;
const hash128 = fc.bigInt({ min: 0n, max: MAX });

function shard(index: number, start: bigint, end: bigint, options: Partial<Shard> = {}): Shard {
  const shardId = `shardId-${String(index).padStart(12, "0")}`;
  return {
    shardId,
    startingSequenceNumber: "",
    startingHashKey: start,
    endingHashKey: end,
    parents: [],
    open: true,
    ...options,
  };
}

/** Open shards between arbitrary cuts of the hash space, in arbitrary order. */
const openShards = fc
  .tuple(fc.uniqueArray(fc.bigInt({ min: 1n, max: MAX }), { maxLength: 30 }), fc.nat())
  .map(([cuts, rotation]) => {
    const starts = [0n, ...cuts.sort((a, b) => (a < b ? -1 : 1))];
    const shards = starts.map((start, index) => shard(index, start, (starts[index + 1] ?? MAX + 1n) - 1n));
    const from = rotation % shards.length;
    return [...shards.slice(from), ...shards.slice(0, from)];
  });

test("the hash of a key is its MD5, as hexadecimal and as decimal text", () => {
  // RFC 1321, appendix A.5
  assert.equal(hashKey("a"), "0cc175b9c0f1b6a831c399e269772661");
  assert.equal(toDecimal(hashKey("a")), BigInt("0x0cc175b9c0f1b6a831c399e269772661").toString());
  assert.equal(hashKey("ключ"), hashKey(Buffer.from("ключ").toString()));
});

test("hash keys compare as their numbers do", () => {
  fc.assert(fc.property(hash128, hash128, (a, b) => a < b === toHashKey(a) < toHashKey(b)));
});

test("a hash belongs to the one open shard whose range holds it", () => {
  fc.assert(
    fc.property(openShards, hash128, (shards, hash) => {
      const expected = shards.find((each) => each.startingHashKey <= hash && hash <= each.endingHashKey);
      const map = createShardMap(shards);
      assert.equal(map.shardOf(toHashKey(hash))?.shardId, expected?.shardId);
      for (const { shardId } of shards)
        assert.equal(map.contains(shardId, toHashKey(hash)), shardId === expected?.shardId);
    }),
  );
});

test("the bounds of a range belong to it", () => {
  const map = createShardMap([shard(0, 0n, 9n), shard(1, 10n, MAX)]);
  const ids = [0n, 9n, 10n, MAX].map((hash) => map.shardOf(toHashKey(hash))?.shardId.at(-1));
  assert.deepEqual(ids, ["0", "0", "1", "1"]);
});

test("a hole in the ranges belongs to no shard", () => {
  const map = createShardMap([shard(0, 5n, 9n), shard(1, 20n, MAX)]);
  assert.equal(map.shardOf(toHashKey(4n)), undefined);
  assert.equal(map.shardOf(toHashKey(10n)), undefined);
  assert.equal(createShardMap([]).shardOf(toHashKey(0n)), undefined);
});

test("after a split the parent's range is still known, but takes no more records", () => {
  const parent = shard(0, 0n, MAX, { open: false });
  const children = [
    shard(1, 0n, 99n, { parents: [parent.shardId] }),
    shard(2, 100n, MAX, { parents: [parent.shardId] }),
  ];
  const map = createShardMap([parent, ...children]);
  assert.equal(map.shardOf(toHashKey(50n))?.shardId, children[0]?.shardId);
  assert.ok(map.contains(parent.shardId, toHashKey(50n)));
});

test("an unknown shard contains nothing", () => {
  const map = createShardMap([shard(0, 0n, MAX)]);
  assert.equal(map.contains("shardId-000000000077", toHashKey(1n)), false);
  assert.equal(map.get("shardId-000000000077"), undefined);
});

test("maps with the same open shards are recognised", () => {
  const before = createShardMap([shard(0, 0n, 9n), shard(1, 10n, MAX)]);
  assert.ok(before.sameOpen(createShardMap([shard(1, 10n, MAX), shard(0, 0n, 9n)])));
  assert.ok(!before.sameOpen(createShardMap([shard(0, 0n, 9n, { open: false }), shard(1, 10n, MAX)])));
  assert.ok(!before.sameOpen(createShardMap([shard(0, 0n, 9n), shard(2, 10n, MAX)])));
});
