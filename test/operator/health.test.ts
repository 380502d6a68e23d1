import assert from "node:assert/strict";
import { test } from "node:test";
import type { ScopeState } from "../../operator/cluster/scope.ts";
import { leaderReadiness } from "../../operator/health.ts";

const synced: ScopeState = { namespace: "one", synced: true, failures: [] };
const listing: ScopeState = { namespace: "two", synced: false, failures: [] };
const refused: ScopeState = {
  namespace: "two",
  synced: false,
  failures: [{ resource: "roles", why: "403 Forbidden" }],
};

test("a leader is ready once it has listed what it may see", () => {
  assert.equal(leaderReadiness([synced, listing]).ready, false, "it is on its way");
  assert.equal(leaderReadiness([synced, synced]).ready, true);
  assert.equal(leaderReadiness([synced, refused]).ready, true);
  assert.equal(leaderReadiness([refused]).ready, false, "it sees nothing");
  assert.equal(leaderReadiness([]).ready, false, "it has not begun");
});

test("readiness names what cannot be seen, and what that means", () => {
  const lost = { ...refused, synced: true };
  assert.equal(
    leaderReadiness([synced, refused, { ...lost, namespace: undefined }]).body,
    [
      "ok",
      "namespace two: roles cannot be listed and watched, its sinks wait: 403 Forbidden",
      "all namespaces: roles cannot be listed and watched, what was seen last holds: 403 Forbidden",
      "",
    ].join("\n"),
  );
});
