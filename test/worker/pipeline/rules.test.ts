import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PoisonError } from "../../../worker/format/format.ts";
import { addedBytes, dataBytes, encodeMessage } from "../../../worker/pipeline/intake/encoding.ts";
import { mayWrite } from "../../../worker/pipeline/ordered/fencing.ts";
import { isAfter } from "../../../worker/pipeline/ordered/sequence.ts";
import { createStops } from "../../../worker/pipeline/ordered/stops.ts";
import { add, admits, emptyBatch } from "../../../worker/pipeline/requests/batch.ts";
import {
  type Bisection,
  bisect,
  conclude,
  createRejections,
  halve,
} from "../../../worker/pipeline/requests/bisection.ts";
import { createCircuitBreaker } from "../../../worker/pipeline/requests/circuit-breaker.ts";
import { createLinger } from "../../../worker/pipeline/requests/linger.ts";
import type { OutboundRecord } from "../../../worker/pipeline/requests/outbound-record.ts";
import { exponential, fullJitter } from "../../../worker/pipeline/retry.ts";
import type { SinkFailure } from "../../../worker/sink/sink.ts";
import { assignment, message } from "./messages.ts";

const limits = { maxRecords: 3, maxBytes: 100, maxRecordBytes: 50 };
const failure = (failureClass: SinkFailure["class"]): SinkFailure => ({
  code: "ServiceFailure",
  class: failureClass,
  message: "m",
  ambiguous: false,
});
const record = (name: string, bytes = 10): OutboundRecord => ({
  data: Buffer.from(name),
  dataBytes: Buffer.byteLength(name),
  partitionKey: name,
  bytes,
  userRecords: null,
  mayWrite: () => true,
});

describe("a batch", () => {
  test("takes records up to the limits of count and bytes", () => {
    const batch = emptyBatch();
    add(batch, record("a", 60));
    assert.equal(admits(batch, record("b", 41), limits), false);
    assert.equal(admits(batch, record("b", 40), limits), true);
    add(batch, record("b"));
    add(batch, record("c"));
    assert.equal(admits(batch, record("d", 1), limits), false);
  });

  test("takes a record above the request's bytes alone", () => {
    assert.equal(admits(emptyBatch(), record("a", 1_000), limits), true);
  });
});

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

  test("keeps nothing of a record that is the payload, and counts what it keeps of others", () => {
    const each = message("k", "payload");
    assert.equal(dataBytes(each, null), 7);
    assert.equal(addedBytes(null), 0);
    const made = encodeMessage({ ...format, encode: () => new Uint8Array(3) }, limits, each, "t", 1);
    assert.equal(dataBytes(each, made), 3);
    assert.equal(addedBytes(made), 3);
  });
});

describe("fencing", () => {
  test("lets an active assignment write whose broker was heard from within 10 s", () => {
    assert.equal(mayWrite(assignment("t", { heardAt: 1_000 }), 11_000), true);
    assert.equal(mayWrite(assignment("t", { heardAt: 1_000 }), 11_001), false);
    assert.equal(mayWrite(assignment("t", { active: false }), 0), false);
  });
});

describe("sequence numbers", () => {
  test("compare as the numbers that they are", () => {
    assert.equal(isAfter("10", "9"), true);
    assert.equal(isAfter("9", "10"), false);
    assert.equal(isAfter("9", "9"), false);
    assert.equal(
      isAfter(
        "49590338271490256608559692538361571095921575989136588899",
        "49590338271490256608559692538361571095921575989136588898",
      ),
      true,
    );
  });
});

describe("retry", () => {
  const delays = { initialDelayMs: 100, maxDelayMs: 60_000 };
  test("doubles from the initial to the maximal delay", () => {
    assert.deepEqual(
      [0, 1, 2, 20, 2_000].map((attempt) => exponential(delays, attempt)),
      [100, 200, 400, 60_000, 60_000],
    );
  });
  test("draws from the whole range below the ceiling", () => {
    assert.equal(
      fullJitter(delays, 3, () => 0),
      0,
    );
    assert.equal(
      fullJitter(delays, 3, () => 0.5),
      400,
    );
  });
});

describe("the gate", () => {
  const gate = () => createCircuitBreaker({ initialDelayMs: 100, maxDelayMs: 60_000 }, () => 0.5);

  test("stays open for failures between successes", () => {
    const open = gate();
    for (let round = 0; round < 10; round += 1) {
      open.failed(failure("transient"), 0, 0);
      open.failed(failure("transient"), 0, 0);
      assert.equal(open.wait(0, 5), 0);
      open.passed();
    }
  });

  test("lets one probe at a time through after three failures in a row, and opens with the first success", () => {
    const closed = gate();
    for (let count = 0; count < 3; count += 1) closed.failed(failure("transient"), 1_000, 1_000);
    assert.equal(closed.wait(1_000, 0), 50);
    assert.equal(closed.wait(2_000, 0), 0);
    assert.equal(closed.wait(2_000, 1), Number.POSITIVE_INFINITY);
    closed.passed();
    assert.equal(closed.wait(2_000, 9), 0);
  });

  test("closes at once when the stream is not ready, for 1 s at first and 15 s at most", () => {
    const closed = gate();
    closed.failed(failure("notReady"), 0, 0);
    assert.equal(closed.wait(0, 0), 1_000);
    for (let count = 0; count < 20; count += 1) closed.failed(failure("notReady"), 1_000, 1_000);
    assert.equal(closed.wait(1_000, 0), 15_000);
  });
});

describe("the gate's delay", () => {
  test("grows with probes, not with the requests that failed together", () => {
    const closed = createCircuitBreaker({ initialDelayMs: 100, maxDelayMs: 60_000 }, () => 1);
    for (let count = 0; count < 24; count += 1) closed.failed(failure("transient"), 0, 1_000);
    assert.equal(closed.wait(1_000, 0), 100);
    closed.failed(failure("transient"), 1_100, 1_200);
    assert.equal(closed.wait(1_200, 0), 200);
  });
});

describe("lingering", () => {
  test("never keeps an idle sender, a full batch, or records that hardly get company", () => {
    const linger = createLinger();
    linger.arrived(100, 0);
    assert.equal(linger.hold(100, 500, 0, 10), 0);
    assert.equal(linger.hold(500, 500, 3, 10), 0);
    const quiet = createLinger();
    quiet.arrived(1, 0);
    assert.equal(quiet.hold(1, 500, 3, 200), 0);
  });

  test("keeps records up to 10 ms while others are likely to come", () => {
    const linger = createLinger();
    for (let now = 0; now <= 100; now += 1) linger.arrived(2, now);
    assert.equal(linger.hold(2, 500, 1, 100), 10);
    assert.equal(linger.hold(8, 500, 1, 104), 6);
    assert.equal(linger.hold(20, 500, 1, 110), 0);
  });
});

describe("isolation", () => {
  /** Plays a service that refuses requests with poison in them. */
  function isolate(names: string[], poison: string[], healthy = true) {
    const refuses = (part: readonly OutboundRecord[]): boolean =>
      !healthy || part.some(({ partitionKey }) => poison.includes(partitionKey));
    const suspects: Bisection<OutboundRecord> = bisect(
      names.map((name) => record(name)),
      failure("invalid"),
    );
    let requests = 0;
    for (;;) {
      const verdict = conclude(suspects);
      if (verdict !== null) {
        const namesOf = (records: readonly OutboundRecord[]) => records.map(({ partitionKey }) => partitionKey).sort();
        const { poison: found, refusedAlone: lonely, unknown } = verdict;
        return { requests, poison: namesOf(found), lonely: namesOf(lonely), unknown: namesOf(unknown) };
      }
      const part = suspects.parts.pop() ?? [];
      requests += 1;
      if (refuses(part)) halve(suspects, part);
      else suspects.accepted = true;
    }
  }
  const many = Array.from({ length: 500 }, (_, index) => `r${index}`);

  test("finds one poison among 500 within 18 requests", () => {
    const found = isolate(many, ["r377"]);
    assert.deepEqual(found.poison, ["r377"]);
    assert.ok(found.requests <= 18, `${found.requests} requests`);
  });

  test("finds several", () => {
    assert.deepEqual(isolate(many, ["r0", "r1", "r499"]).poison, ["r0", "r1", "r499"]);
  });

  test("blames no record when nothing is accepted", () => {
    const found = isolate(many, [], false);
    assert.deepEqual(found.poison, []);
    assert.equal(found.unknown.length, 500);
    assert.ok(found.requests <= 24, `${found.requests} requests`);
    const two = { requests: 2, poison: [], lonely: ["a", "b"], unknown: [] };
    assert.deepEqual(isolate(["a", "b"], ["a", "b"]), two);
  });
});

describe("a record refused without company", () => {
  test("is poison the fifth time, once the stream accepted another one", () => {
    const refusals = createRejections<OutboundRecord>();
    const [one, two] = [record("one"), record("two")];
    refusals.accepted();
    assert.deepEqual(
      [1, 2, 3, 4, 5].map(() => refusals.rejected(one)),
      [false, false, false, false, true],
    );
    assert.equal(refusals.rejected(two), false);
  });

  test("is not blamed by a stream that never accepted anything", () => {
    const refusals = createRejections<OutboundRecord>();
    const one = record("one");
    for (let times = 0; times < 100; times += 1) assert.equal(refusals.rejected(one), false);
    refusals.accepted();
    assert.equal(refusals.rejected(one), true);
  });
});

describe("stops", () => {
  const poison = new PoisonError("Undecodable", "no");

  test("delay longer each time the same message stops its topic-partition", () => {
    const stops = createStops();
    assert.equal(stops.stopped("t", "1:1", poison), 1);
    assert.equal(stops.waits("t", 0), 5_000);
    assert.equal(stops.stopped("t", "1:1", poison), 2);
    assert.equal(stops.waits("t", 0), 10_000);
    assert.equal(stops.stopped("t", "1:2", poison), 1);
    assert.equal(stops.waits("t", 0), 5_000);
  });

  test("are reported until forgotten, or until the topic-partition does not come back", () => {
    const stops = createStops();
    stops.stopped("t", "1:1", poison);
    assert.deepEqual(stops.report(1e9).poison, [{ topic: "t", messageId: "1:1", code: "Undecodable", message: "no" }]);
    stops.waits("t", 1e9);
    assert.equal(stops.report(1e9 + 65_001).poisonCount, 0);
  });
});
