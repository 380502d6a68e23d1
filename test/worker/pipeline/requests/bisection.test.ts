import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Bisection,
  bisect,
  conclude,
  createRejections,
  halve,
} from "../../../../worker/pipeline/requests/bisection.ts";
import type { OutboundRecord } from "../../../../worker/pipeline/requests/outbound-record.ts";
import { failure } from "../rig.ts";
import { record } from "./outbound-record.ts";

describe("bisection", () => {
  /** Plays a service that refuses requests with poison in them. */
  function find(names: string[], poison: string[], healthy = true) {
    const refuses = (part: readonly OutboundRecord[]): boolean =>
      !healthy || part.some(({ partitionKey }) => poison.includes(partitionKey));
    const bisection: Bisection<OutboundRecord> = bisect(
      names.map((name) => record(name)),
      failure("invalid"),
    );
    let requests = 0;
    for (;;) {
      const conclusion = conclude(bisection);
      if (conclusion !== null) {
        const namesOf = (records: readonly OutboundRecord[]) => records.map(({ partitionKey }) => partitionKey).sort();
        const { poison: found, refusedAlone, unknown } = conclusion;
        return { requests, poison: namesOf(found), refusedAlone: namesOf(refusedAlone), unknown: namesOf(unknown) };
      }
      const part = bisection.parts.pop() ?? [];
      requests += 1;
      if (refuses(part)) halve(bisection, part);
      else bisection.accepted = true;
    }
  }
  const many = Array.from({ length: 500 }, (_, index) => `r${index}`);

  test("finds one poison among 500 within 18 requests", () => {
    const found = find(many, ["r377"]);
    assert.deepEqual(found.poison, ["r377"]);
    assert.ok(found.requests <= 18, `${found.requests} requests`);
  });

  test("finds several", () => {
    assert.deepEqual(find(many, ["r0", "r1", "r499"]).poison, ["r0", "r1", "r499"]);
  });

  test("blames no record when nothing is accepted", () => {
    const found = find(many, [], false);
    assert.deepEqual(found.poison, []);
    assert.equal(found.unknown.length, 500);
    assert.ok(found.requests <= 24, `${found.requests} requests`);
    const two = { requests: 2, poison: [], refusedAlone: ["a", "b"], unknown: [] };
    assert.deepEqual(find(["a", "b"], ["a", "b"]), two);
  });
});

describe("a record refused without others beside it", () => {
  test("is poison the fifth time, once the stream accepted another one", () => {
    const rejections = createRejections<OutboundRecord>();
    const [one, two] = [record("one"), record("two")];
    rejections.accepted();
    assert.deepEqual(
      [1, 2, 3, 4, 5].map(() => rejections.rejected(one)),
      [false, false, false, false, true],
    );
    assert.equal(rejections.rejected(two), false);
  });

  test("is not blamed by a stream that never accepted anything", () => {
    const rejections = createRejections<OutboundRecord>();
    const one = record("one");
    for (let times = 0; times < 100; times += 1) assert.equal(rejections.rejected(one), false);
    rejections.accepted();
    assert.equal(rejections.rejected(one), true);
  });
});
