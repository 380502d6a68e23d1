import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { cached } from "./cache.ts";

const silent = (): void => undefined;
const previous = process.env["PULSAR_KINESIS_CACHE"];
let root: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "cache-test-"));
  process.env["PULSAR_KINESIS_CACHE"] = root;
});

after(async () => {
  if (previous === undefined) delete process.env["PULSAR_KINESIS_CACHE"];
  else process.env["PULSAR_KINESIS_CACHE"] = previous;
  await rm(root, { recursive: true });
});

test("runs at the same time fill an entry once, and all get it", async () => {
  let fills = 0;
  const entry = {
    name: "once",
    key: ["1"],
    title: "fill",
    async fill(directory: string) {
      fills++;
      await delay(200);
      await writeFile(join(directory, "content"), "whole");
    },
  };
  const directories = await Promise.all([1, 2, 3].map(() => cached(entry, silent)));
  assert.equal(fills, 1);
  assert.equal(new Set(directories).size, 1);
  assert.equal(await readFile(join(directories[0] ?? "", "content"), "utf8"), "whole");
});

test("another key is another entry", async () => {
  const fill = async (): Promise<void> => undefined;
  const one = await cached({ name: "keyed", key: ["1"], title: "fill", fill }, silent);
  assert.notEqual(await cached({ name: "keyed", key: ["2"], title: "fill", fill }, silent), one);
});

test("nothing remains of a fill that failed, and the next one may succeed", async () => {
  const entry = { name: "failing", key: ["1"], title: "fill" };
  const broken = { ...entry, fill: () => Promise.reject(new Error("no network")) };
  await assert.rejects(cached(broken, silent), /no network/);
  assert.deepEqual(
    (await readdir(root)).filter((name) => name.startsWith("failing")),
    ["failing.lock"],
  );
  await cached({ ...entry, fill: async () => undefined }, silent);
});

test("an abort ends the wait for another run", async () => {
  const blocked = Promise.withResolvers<void>();
  const entry = { name: "slow", key: ["1"], title: "fill", fill: () => blocked.promise };
  const first = cached(entry, silent);
  await delay(100);
  const abort = new AbortController();
  const second = cached(entry, silent, abort.signal);
  abort.abort(new Error("interrupted"));
  await assert.rejects(second, /interrupted/);
  blocked.resolve();
  await first;
});
