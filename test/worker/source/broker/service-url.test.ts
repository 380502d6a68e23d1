import assert from "node:assert/strict";
import { test } from "node:test";
import { hostAndPort, parseServiceUrl } from "../../../../worker/source/broker/service-url.ts";

test("service URLs name one or several hosts", () => {
  assert.deepEqual(parseServiceUrl("pulsar://a"), [{ host: "a", port: 6650, tls: false }]);
  assert.deepEqual(parseServiceUrl("pulsar+ssl://a,b:1/"), [
    { host: "a", port: 6651, tls: true },
    { host: "b", port: 1, tls: true },
  ]);
  const [v6] = parseServiceUrl("pulsar://[::1]:6650");
  assert.ok(v6);
  assert.equal(v6.host, "::1");
  assert.equal(hostAndPort(v6), "[::1]:6650");
  for (const wrong of [
    "http://a",
    "pulsar://",
    "pulsar://a:0",
    "pulsar://a:99999",
    "pulsar://u@a",
    "a:6650",
    "pulsar://a,,b",
  ]) {
    assert.throws(() => parseServiceUrl(wrong), /is no Pulsar service URL/, wrong);
  }
});
