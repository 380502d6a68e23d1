import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createLimiter } from "../../../worker/sink/limiter.ts";
import { adjustableClock, createVirtualClock } from "../../clock.ts";

const MIB = 1_048_576;

const stillClock = () => adjustableClock(createVirtualClock());

test("a full bucket passes a record larger than a second's share, and pays for it", () => {
  const clock = stillClock();
  const limiter = createLimiter({ percent: 100, clock });
  assert.equal(limiter.take("a", 1, 10 * MIB), 0);
  const wait = limiter.take("a", 1, 1);
  assert.ok(wait >= 9_000 && wait <= 10_000, `waits for the debt of nine seconds, not ${wait} ms`);
  clock.advance(wait);
  assert.equal(limiter.take("a", 1, 1), 0);
});

test("one shard's bucket holds up no other shard", () => {
  const limiter = createLimiter({ percent: 100, clock: stillClock() });
  assert.equal(limiter.take("a", 1, 10 * MIB), 0);
  assert.ok(limiter.take("a", 1, 10) > 0);
  assert.equal(limiter.take("b", 1, MIB), 0);
});

test("records are limited as bytes are", () => {
  const clock = stillClock();
  const limiter = createLimiter({ percent: 150, clock });
  assert.equal(limiter.take("a", 1500, 1500), 0);
  const wait = limiter.take("a", 150, 150);
  assert.equal(wait, 100);
  clock.advance(wait);
  assert.equal(limiter.take("a", 150, 150), 0);
});

test("after the wait that it names, a request passes; a moment earlier it does not", () => {
  const amounts = fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 12 * MIB }));
  fc.assert(
    fc.property(fc.array(amounts, { minLength: 1, maxLength: 30 }), fc.constantFrom(50, 100, 150), (list, percent) => {
      const clock = stillClock();
      const limiter = createLimiter({ percent, clock });
      for (const [records, bytes] of list) {
        const wait = limiter.take("a", records, bytes);
        if (wait === 0) continue;
        if (wait > 2) {
          clock.advance(wait - 2);
          assert.notEqual(limiter.take("a", records, bytes), 0);
          clock.advance(2);
        } else {
          clock.advance(wait);
        }
        assert.equal(limiter.take("a", records, bytes), 0);
      }
    }),
  );
});

test("over any time no more passes than the rate, one bucket and one debt allow", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: MIB }), { minLength: 20, maxLength: 200 });
  fc.assert(
    fc.property(sizes, (list) => {
      const clock = stillClock();
      const limiter = createLimiter({ percent: 100, clock });
      let passed = 0;
      for (const bytes of list) {
        for (let wait = limiter.take("a", 1, bytes); wait > 0; wait = limiter.take("a", 1, bytes)) clock.advance(wait);
        passed += bytes;
      }
      const allowed = (clock.now() / 1000) * MIB + 2 * MIB;
      assert.ok(passed <= allowed, `${passed} bytes in ${clock.now()} ms`);
    }),
  );
});

test("throttling shrinks the rate once per half second, down to a floor, and it recovers", () => {
  const clock = stillClock();
  const limiter = createLimiter({ percent: 150, clock });
  limiter.throttled("a");
  limiter.throttled("a");
  const once = limiter.share("a");
  assert.ok(once < 1 && once > 0.8, `${once}`);
  for (let round = 0; round < 100; round++) {
    clock.advance(500);
    limiter.throttled("a");
  }
  const least = limiter.share("a");
  assert.ok(least >= 0.05 && least < 0.2, `${least}`);
  assert.equal(limiter.share("b"), 1);
  clock.advance(60_000);
  assert.equal(limiter.share("a"), 1);
});

test("a shard that is throttled at its real limit is kept almost full, with few throttled requests", () => {
  const clock = stillClock();
  const limiter = createLimiter({ percent: 150, clock });
  const service = { tokens: MIB, at: 0 };
  let accepted = 0;
  let throttled = 0;
  const request = 51_200;
  while (clock.now() < 60_000) {
    const wait = limiter.take("a", 1, request);
    if (wait > 0) {
      clock.advance(wait);
      continue;
    }
    service.tokens = Math.min(MIB, service.tokens + ((clock.now() - service.at) / 1000) * MIB);
    service.at = clock.now();
    if (service.tokens >= request) {
      service.tokens -= request;
      accepted += request;
    } else {
      throttled += 1;
      limiter.throttled("a");
    }
    clock.advance(5);
  }
  const share = accepted / (60 * MIB);
  assert.ok(share > 0.9, `${(share * 100).toFixed(0)} % of the shard was used`);
  assert.ok(throttled < 60, `${throttled} requests were throttled`);
});

test("shards that are gone are forgotten", () => {
  const limiter = createLimiter({ percent: 100, clock: stillClock() });
  limiter.throttled("a");
  limiter.retain(["b"]);
  assert.equal(limiter.share("a"), 1);
});
