import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createCircuitBreaker } from "../../../../worker/pipeline/requests/circuit-breaker.ts";
import { failure } from "../rig.ts";

describe("the circuit breaker", () => {
  const create = () => createCircuitBreaker({ initialDelayMs: 100, maxDelayMs: 60_000 }, () => 0.5);

  test("stays closed for failures between successes", () => {
    const breaker = create();
    for (let round = 0; round < 10; round += 1) {
      breaker.failed(failure("transient"), 0, 0);
      breaker.failed(failure("transient"), 0, 0);
      assert.equal(breaker.wait(0, 5), 0);
      breaker.passed();
    }
  });

  test("lets one probe at a time through after three failures in a row, and closes with the first success", () => {
    const breaker = create();
    for (let count = 0; count < 3; count += 1) breaker.failed(failure("transient"), 1_000, 1_000);
    assert.equal(breaker.wait(1_000, 0), 50);
    assert.equal(breaker.wait(2_000, 0), 0);
    assert.equal(breaker.wait(2_000, 1), Number.POSITIVE_INFINITY);
    breaker.passed();
    assert.equal(breaker.wait(2_000, 9), 0);
  });

  test("opens at once when the stream is not ready, for 1 s at first and 15 s at most", () => {
    const breaker = create();
    breaker.failed(failure("notReady"), 0, 0);
    assert.equal(breaker.wait(0, 0), 1_000);
    for (let count = 0; count < 20; count += 1) breaker.failed(failure("notReady"), 1_000, 1_000);
    assert.equal(breaker.wait(1_000, 0), 15_000);
  });
});

describe("the circuit breaker's delay", () => {
  test("grows with probes, not with the requests that failed together", () => {
    const breaker = createCircuitBreaker({ initialDelayMs: 100, maxDelayMs: 60_000 }, () => 1);
    for (let count = 0; count < 24; count += 1) breaker.failed(failure("transient"), 0, 1_000);
    assert.equal(breaker.wait(1_000, 0), 100);
    breaker.failed(failure("transient"), 1_100, 1_200);
    assert.equal(breaker.wait(1_200, 0), 200);
  });
});
