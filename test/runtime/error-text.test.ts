import assert from "node:assert/strict";
import { connect } from "node:net";
import { Writable } from "node:stream";
import { test } from "node:test";
import { errorText } from "../../runtime/error-text.ts";
import { ApiUnreachableError } from "../../runtime/kube/errors.ts";
import { createLogger } from "../../runtime/log.ts";
import { createPulsarAdmin } from "../../worker/pulsar-admin.ts";
import { networkError } from "../../worker/source/broker/failures.ts";

/** What Node tells of a host with several addresses, none of which answers. */
async function refused(): Promise<Error> {
  const lookup = (_name: string, _options: object, found: (...answer: unknown[]) => void): void =>
    found(
      null,
      ["127.0.0.2", "127.0.0.3"].map((address) => ({ address, family: 4 })),
    );
  const socket = connect({ host: "several.example", port: 9, lookup: lookup as never });
  return await new Promise((resolve) => socket.once("error", resolve));
}

test("a host with several addresses that all refuse says so, whoever tells of it", async () => {
  const error = await refused();
  assert.equal(error.message, "", "what Node says itself");
  const text = /connect ECONNREFUSED 127\.0\.0\.2:9; connect ECONNREFUSED 127\.0\.0\.3:9/;
  assert.match(errorText(error), text);
  assert.match(new ApiUnreachableError("GET /api", error).message, text);
  assert.match(networkError("pulsar://several.example:9", error).message, /\(ECONNREFUSED\)/);
  let line = "";
  const stream = new Writable({
    write(chunk, _encoding, done) {
      line += chunk;
      done();
    },
  });
  createLogger({ program: "test", level: "info", stream }).warn("not reached", { error });
  assert.match(line, text);
});

test("the admin API behind a name with several addresses that all refuse is named with the reason", async () => {
  // Both families of the loopback: nobody listens on port 9.
  const admin = createPulsarAdmin("http://localhost:9", { authentication: null, tls: {} });
  await assert.rejects(() => admin.get("/admin", AbortSignal.timeout(5_000)), /cannot be reached: .*ECONNREFUSED/);
});

test("an error without a message is told by its code or name", () => {
  assert.equal(errorText(Object.assign(new Error(""), { code: "ECONNRESET" })), "ECONNRESET");
  assert.equal(errorText(new RangeError("")), "RangeError");
  assert.equal(errorText("as it is"), "as it is");
});
