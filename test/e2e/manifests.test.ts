import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { basename, join } from "node:path";
import { before, describe, test } from "node:test";
import { goodManifest, type Json, mergePatch } from "../crds/good-manifest.ts";
import { CRDS } from "../crds/resource-definition.ts";
import { badManifest, badManifests, serverWords } from "../crds/validation/bad-manifests.ts";
import { CommandError } from "../env/process.ts";
import { operatorInstalled, theStage } from "./setup.ts";

const NAMESPACE = "default";
/** Goes through the whole of admission, and stores nothing. */
const DRY_RUN = ["apply", "--dry-run=server", "--namespace", NAMESPACE, "--filename"];

describe("kubectl apply", { concurrency: 3 }, () => {
  before(() => operatorInstalled());

  /** What kubectl prints when it refuses. */
  const refused = async (args: readonly string[], manifest: Json): Promise<string> => {
    try {
      await theStage().kube.kubectl([...args, "-"], JSON.stringify(manifest));
    } catch (error) {
      if (error instanceof CommandError) return error.stderr;
      throw error;
    }
    return assert.fail(`it is accepted: ${JSON.stringify(manifest)}`);
  };

  test("there are many ways to write a bad manifest", () => assert.ok(badManifests.length >= 25));

  for (const bad of badManifests) {
    test(`refuses, naming ${bad.field}: ${bad.name}`, async () => {
      const printed = await refused(DRY_RUN, badManifest(bad));
      for (const word of serverWords(bad)) assert.ok(printed.includes(word), `no "${word}" in: ${printed}`);
    });
  }

  for (const file of globSync("examples/*.yaml", { cwd: CRDS })) {
    test(`accepts the example ${basename(file)}`, async () => {
      const printed = await theStage().kube.kubectl([...DRY_RUN, join(CRDS, file)]);
      assert.match(printed, /kinesissink\S* created \(server dry run\)/);
    });
  }

  test("refuses a bad edit, and leaves the sink as it was", async () => {
    const { kube } = theStage();
    const name = "edited";
    // paused: nothing runs for it
    const good = mergePatch(goodManifest, { metadata: { name, namespace: NAMESPACE }, spec: { paused: true } });
    const read = async () => (await kube.sink(NAMESPACE, name))?.spec;
    await kube.apply(good as object);
    try {
      const before = await read();
      const bad = mergePatch(good, { spec: { config: { awsRegion: "Moon 1" } } });
      assert.match(await refused(["apply", "--filename"], bad), /spec\.config\.awsRegion/);
      assert.deepEqual(await read(), before);
    } finally {
      await kube.kubectl(["--namespace", NAMESPACE, "delete", "kinesissink", name]);
    }
  });
});
