import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiRequest, KubeClient } from "../../../runtime/kube/client.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { createStatusApply, lackingPaths } from "../../../runtime/kube/status-apply.ts";
import { createVirtualClock } from "../../clock.ts";

const TARGET = { type: { group: "g", version: "v1", plural: "things", kind: "Thing" }, namespace: "shop", name: "a" };
const OPTIONS = { fieldManager: "me", force: true, signal: new AbortController().signal };

/** Word for word what kube-apiserver 1.37 answers. */
const undeclared = (...paths: string[]) => {
  const errors = paths.map((path) => `${path}: field not declared in schema`);
  const list = errors.length === 1 ? errors.join() : `errors:\n  ${errors.join("\n  ")}`;
  return new ApiError("PATCH", 500, {
    message: `failed to create typed patch object (shop/a; g/v1, Kind=Thing): ${list}`,
  });
};
const unlisted = (type: string) =>
  new ApiError("PATCH", 422, {
    reason: "Invalid",
    message: `Thing.g "a" is invalid: status.conditions[3].type: Unsupported value: "${type}": supported values: "Ready"`,
  });

function server(refuse: (status: string) => ApiError | undefined) {
  const clock = createVirtualClock();
  const sent: unknown[] = [];
  const client: KubeClient = {
    request: async <T>({ body }: ApiRequest) => {
      const { status } = body as { status: unknown };
      sent.push(status);
      const error = refuse(JSON.stringify(status));
      if (error) throw error;
      return {} as T;
    },
    open: () => assert.fail("nothing is watched here"),
    close: () => {},
  };
  const statuses = createStatusApply(clock);
  const apply = async (status: object) =>
    (await statuses.apply(client, TARGET, { metadata: { name: "a" }, status }, OPTIONS)).leftOut;
  return { clock, sent, apply };
}

test("what the served definition lacks is named, wherever it is", () => {
  assert.deepEqual(lackingPaths(undeclared(".status.mood")), ["status.mood"]);
  assert.deepEqual(
    lackingPaths(
      undeclared('.status.workers[pod="a.b]c"].source.tls', '.status.workers[pod="d"].source.tls', ".status.x"),
    ),
    ["status.workers[].source.tls", "status.x"],
  );
  assert.deepEqual(lackingPaths(unlisted("Paused")), ["status.conditions[type=Paused]"]);
  assert.deepEqual(lackingPaths(undeclared(".spec.mood")), [], "only a status is anybody's to cut");
  assert.deepEqual(lackingPaths(new ApiError("PATCH", 500, { message: "etcdserver: request timed out" })), []);
  assert.deepEqual(lackingPaths(new Error("status.x: field not declared in schema")), []);
});

test("a field that the definition lacks is left out, the rest is written, and it is told once", async () => {
  const { sent, apply } = server((status) => {
    const lacking = [
      ...(status.includes("mood") ? ['.status.workers[pod="a"].mood'] : []),
      ...(status.includes("phase") ? [".status.phase"] : []),
    ];
    return lacking.length > 0 ? undeclared(...lacking.slice(0, 1)) : undefined;
  });
  const status = { phase: "x", replicas: 1, workers: [{ pod: "a", mood: "good", delivered: 5 }] };
  assert.deepEqual(await apply(status), ["status.workers[].mood", "status.phase"]);
  assert.deepEqual(sent.at(-1), { replicas: 1, workers: [{ pod: "a", delivered: 5 }] });
  assert.equal(sent.length, 3);
  assert.deepEqual(await apply(status), []);
  assert.equal(sent.length, 4, "what is known to be lacking is not tried each time");
});

test("a condition that an older definition does not list is left out", async () => {
  const { sent, apply } = server((status) => (status.includes("Paused") ? unlisted("Paused") : undefined));
  assert.deepEqual(await apply({ conditions: [{ type: "Ready" }, { type: "Paused" }] }), [
    "status.conditions[type=Paused]",
  ]);
  assert.deepEqual(sent.at(-1), { conditions: [{ type: "Ready" }] });
});

test("once the definition is brought up to date, all is written again", async () => {
  let old = true;
  const { clock, sent, apply } = server((status) =>
    old && status.includes("phase") ? undeclared(".status.phase") : undefined,
  );
  await apply({ phase: "x", replicas: 1 });
  old = false;
  await clock.advance(11 * 60_000);
  assert.deepEqual(await apply({ phase: "x", replicas: 1 }), []);
  assert.deepEqual(sent.at(-1), { phase: "x", replicas: 1 });
});

test("any other refusal is the caller's, and so is one that leaving out does not mend", async () => {
  const forbidden = new ApiError("PATCH", 403, { reason: "Forbidden" });
  await assert.rejects(server(() => forbidden).apply({ replicas: 1 }), forbidden);
  const stubborn = undeclared(".status.phase");
  const { sent, apply } = server(() => stubborn);
  await assert.rejects(apply({ phase: "x" }), stubborn);
  assert.equal(sent.length, 2);
});
