import assert from "node:assert/strict";
import { test } from "node:test";
import { type Candidate, judge, type LiveTemplate } from "../../../operator/rollout/judge.ts";

const LIVE: LiveTemplate = {
  hash: "old",
  replicas: 2,
  madeFrom: { generation: 3, hash: "spec" },
  turn: undefined,
  progress: "done",
};
const SAME: Candidate = {
  hash: "new",
  madeFrom: { generation: 3, hash: "spec" },
  replicas: 2,
  live: LIVE,
  observedGeneration: 3,
  ready: true,
  canary: false,
  forced: false,
};

const verdict = (more: Partial<Candidate>, live: Partial<LiveTemplate> = {}) => {
  const { place, free } = judge({ ...SAME, live: { ...LIVE, ...live }, ...more });
  return `${place.state}${"turn" in place ? ` ${place.turn}` : ""}, ${free ? "free" : "held"}`;
};

test("what differs although the sink is the same waits for its turn", () => {
  assert.equal(verdict({}), "pending regular, held");
  assert.equal(verdict({ canary: true }), "pending canary, held");
  assert.equal(verdict({ ready: false }), "pending last, held");
  assert.equal(verdict({ ready: false, canary: true }), "pending last, held");
});

test("a new generation alone, as by scaling, takes nothing along; one that makes other pods does", () => {
  assert.equal(verdict({ madeFrom: { generation: 4, hash: "spec" } }), "pending regular, held");
  assert.equal(verdict({ madeFrom: { generation: 4, hash: "other" } }), "settled, free");
});

test("a hash that another version of the operator makes of the same generation is not the user's change", () => {
  assert.equal(verdict({ madeFrom: { generation: 3, hash: "by-other-rules" } }), "pending regular, held");
});

test("a Deployment without a mark waits, unless the sink was changed since the operator that made it acted on it", () => {
  assert.equal(verdict({}, { madeFrom: undefined }), "pending regular, held");
  assert.equal(verdict({ observedGeneration: 2 }, { madeFrom: undefined }), "settled, free");
});

test("who wants it now gets it now", () => {
  assert.equal(verdict({ forced: true }), "settled, free");
});

test("what does not run rolls nothing", () => {
  assert.equal(verdict({ replicas: 0 }), "apart, free");
  assert.equal(verdict({}, { replicas: 0 }), "apart, free", "from none to some");
  assert.equal(judge({ ...SAME, live: undefined }).place.state, "apart");
});

test("what rolls in its turn counts until it is done, or fails; a change of the spec does not", () => {
  const at = (live: Partial<LiveTemplate>) => verdict({}, { hash: "new", ...live });
  assert.equal(at({ progress: "moving", turn: "regular" }), "rolling regular, free");
  assert.equal(at({ progress: "done", turn: "regular" }), "settled, free");
  assert.equal(at({ progress: "stuck", turn: "regular" }), "failed, free");
  assert.equal(at({ progress: "stuck", turn: "last" }), "settled, free", "it was not Ready before");
  assert.equal(at({ progress: "moving", turn: undefined }), "settled, free");
});

test("what an earlier version rolls is awaited before the next change of it", () => {
  assert.equal(verdict({}, { progress: "moving", turn: "canary" }), "rolling canary, held");
  assert.equal(verdict({ ready: false }, { progress: "stuck", turn: "canary" }), "pending last, held");
});
