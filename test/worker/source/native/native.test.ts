import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { loadNativeClient, type NativeModule } from "../../../../worker/source/native/client.ts";
import { createNativeSource } from "../../../../worker/source/native/source.ts";
import { SourceError } from "../../../../worker/source/source.ts";
import { silentLog } from "../../../silent-log.ts";

const installed = await loadNativeClient().then(
  () => true,
  () => false,
);

const options = {
  serviceUrl: "pulsar://127.0.0.1:1",
  topics: ["t"],
  subscription: { name: "s", type: "Failover", initialPosition: "Earliest" },
  budget: { free: 1_000_000, take: () => undefined, onRelease: () => undefined },
  log: silentLog,
} as const;

test("asking for pulsar-client where it is missing says so and names the remedy", {
  skip: installed && "pulsar-client is installed",
}, async () => {
  await assert.rejects(createNativeSource(options), (error) => {
    assert.ok(error instanceof SourceError);
    assert.equal(error.code, "ClientMissing");
    assert.match(error.message, /spec\.pulsar\.client to Wire/);
    return true;
  });
});

test("a half-installed pulsar-client is missing too", async () => {
  const modules = {
    // As its own module does without the prebuilt library.
    "module.createRequire(import.meta.url)('./lib/binding/pulsar.node')": /Cannot find module .*pulsar\.node/,
    "export const Producer = class {}": /it has no Client/,
  };
  const folder = await mkdtemp(join(tmpdir(), "half-installed-"));
  try {
    for (const [index, [text, reason]] of Object.entries(modules).entries()) {
      const file = join(folder, `${index}.mjs`);
      await writeFile(file, `import module from "node:module";\n${text};\n`);
      const load = () => loadNativeClient(pathToFileURL(file).href);
      await assert.rejects(createNativeSource(options, load), { code: "ClientMissing", message: reason });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("keeping order without the admin API says what to set", async () => {
  const load = async (): Promise<NativeModule> => ({ Client: class {} }) as unknown as NativeModule;
  await assert.rejects(createNativeSource(options, load), {
    code: "AdminUrlMissing",
    message: /set spec\.pulsar\.adminUrl, or spec\.pulsar\.client to Wire/,
  });
});
