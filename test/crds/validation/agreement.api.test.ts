import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { KINESIS_SINKS } from "../../../crds/resource.ts";
import { validateKinesisSink } from "../../../crds/validation/validate.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { collectionPath } from "../../../runtime/kube/resource-type.ts";
import { skip } from "../../operator/api/cluster.ts";
import { useCluster } from "../../operator/api/fixture.ts";
import { goodManifest, type Json } from "../good-manifest.ts";
import { randomManifest } from "../random-manifest.ts";
import { badManifest, badManifests } from "./bad-manifests.ts";

interface Judgement {
  readonly taken: boolean;
  /** The spec with defaults, when it was taken. */
  readonly spec?: unknown;
  readonly message: string;
}

describe("the API server and the validation here", { skip }, () => {
  const cluster = useCluster();

  async function onServer(manifest: Json): Promise<Judgement> {
    const path = collectionPath(KINESIS_SINKS, cluster.namespace);
    const query = { dryRun: "All", fieldValidation: "Strict" };
    try {
      const { spec } = await cluster.client.request<{ spec: unknown }>({ method: "POST", path, query, body: manifest });
      return { taken: true, spec, message: "" };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { taken: false, message: error.message };
    }
  }

  async function agree(manifest: Json): Promise<void> {
    const server = await onServer(manifest);
    const here = validateKinesisSink(manifest);
    assert.equal(here.ok, server.taken, `${JSON.stringify(here)}\n${server.message}`);
    if (here.ok) assert.deepEqual(here.value.spec, server.spec);
  }

  it("take the good manifest, with the same defaults", () => agree(goodManifest));

  it("refuse the same bad manifests", async () => {
    const sameVersion = badManifests.filter(({ field }) => field !== "apiVersion");
    for (const bad of sameVersion) await agree(badManifest(bad));
  });

  it("judge random manifests alike", async () => {
    await fc.assert(fc.asyncProperty(randomManifest, agree), { numRuns: 400 });
  });

  it("take a random share of them, so that the comparison means something", async () => {
    const taken = fc.sample(randomManifest, 400).filter((manifest) => validateKinesisSink(manifest).ok);
    assert.ok(taken.length > 40, `${taken.length} of 400`);
  });
});
