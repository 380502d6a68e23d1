import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULTS, withoutDefaults } from "../../crds/defaults.ts";
import { validateKinesisSink } from "../../crds/validation/validate.ts";
import { liveSink } from "../operator/sink-fixture.ts";

test("every default of the definition is in the table, also that of a field within a list or an optional object", () => {
  assert.equal(DEFAULTS.get("spec.config.requestTimeout"), 6000);
  assert.equal(DEFAULTS.get("spec.pulsar.auth.token.key"), "token");
  assert.deepEqual(DEFAULTS.get("spec.pod"), {});
});

test("what is left of a spec without its defaults is the same spec when it is read", () => {
  const sink = liveSink({
    pulsar: {
      serviceUrl: "pulsar://a:1",
      topics: ["t"],
      tls: { ca: { secret: { name: "ca" } } },
      adminUrl: "https://a",
    },
  });
  const spec = withoutDefaults(sink.spec, "spec");
  assert.ok(JSON.stringify(spec).length < JSON.stringify(sink.spec).length / 2);
  const read = validateKinesisSink({ ...sink, spec });
  assert.ok(read.ok);
  assert.deepEqual(read.value.spec, sink.spec);
});

test("an optional object stays, although all of its fields are as they are by default: that it is there says something", () => {
  assert.deepEqual(withoutDefaults({ tls: { hostnameVerification: true } }, "spec.pulsar"), { tls: {} });
  assert.deepEqual(withoutDefaults({ subscription: { initialPosition: "Earliest" } }, "spec.pulsar"), {});
});
