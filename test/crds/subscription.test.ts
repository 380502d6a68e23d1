import assert from "node:assert/strict";
import { test } from "node:test";
import { subscriptionName } from "../../crds/subscription.ts";
import { validateKinesisSink } from "../../crds/validation/validate.ts";
import { goodManifest, type Json, mergePatch } from "./good-manifest.ts";

function nameOf(patch: Json): string {
  const result = validateKinesisSink(mergePatch(goodManifest, patch));
  assert.ok(result.ok, JSON.stringify(result));
  return subscriptionName(result.value);
}

test("without a name, namespace and name make one that no other sink has", () => {
  assert.equal(nameOf({ metadata: { namespace: "shop" } }), "shop.orders");
  assert.equal(nameOf({}), "default.orders");
  assert.equal(nameOf({ spec: { pulsar: { subscription: { name: "" } } } }), "default.orders");
});

test("the name of an existing subscription is used as it is", () => {
  assert.equal(nameOf({ spec: { pulsar: { subscription: { name: "public/default/sink" } } } }), "public/default/sink");
});
