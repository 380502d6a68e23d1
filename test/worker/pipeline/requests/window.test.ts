import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createWindow } from "../../../../worker/pipeline/requests/window.ts";

describe("the window", () => {
  test("halves once for requests that expire together, and keeps one record", () => {
    const window = createWindow(1_000, 1_000);
    for (let count = 0; count < 10; count += 1) window.expired(1_000, 0, 6_000);
    assert.equal(window.room(0), 500);
    for (let round = 2; round < 20; round += 1) window.expired(500, 6_000 * round, 6_000 * (round + 1));
    assert.equal(window.room(0), 1);
    assert.ok(window.room(1) < 1);
  });

  test("begins with one full request and doubles with its answer", () => {
    const window = createWindow(500, 12_000);
    assert.equal(window.room(0), 500);
    window.answered(500, 0, 20);
    assert.equal(window.room(0), 1_000);
    for (let count = 0; count < 100; count += 1) window.answered(500, 20, 40);
    assert.equal(window.room(0), 12_000);
  });

  test("counts what was on its way, not what was allowed", () => {
    const window = createWindow(12_000, 12_000);
    window.expired(8, 0, 6_000);
    assert.equal(window.room(0), 4);
  });

  test("grows back by answers in good time, and hardly by late ones", () => {
    const window = createWindow(1_000, 1_000);
    window.expired(1_000, 0, 6_000);
    window.answered(80, 7_000, 9_000);
    assert.equal(window.room(0), 510);
    window.answered(80, 7_000, 11_000);
    assert.equal(window.room(0), 510);
    for (let count = 0; count < 100; count += 1) window.answered(80, 12_000, 12_020);
    assert.equal(window.room(0), 1_000);
  });
});
