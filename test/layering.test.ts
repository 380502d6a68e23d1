import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..");

/** Below all folders of the operator, and imports nothing. */
const OPERATOR_NAME = "operator/program.ts";
const BELOW_CLUSTER = ["operator/status/", "operator/desired/", "operator/kube/"] as const;

/** What the files below a folder may import of the project, longest folder first. */
const ALLOWED: readonly (readonly [folder: string, mayImport: readonly string[]])[] = [
  ["crds/", ["crds/"]],
  ["runtime/", ["runtime/", "package.json"]],
  ["operator/kube/", ["operator/kube/", OPERATOR_NAME, "crds/", "runtime/"]],
  ["operator/desired/", ["operator/desired/", "operator/kube/", OPERATOR_NAME, "crds/", "runtime/"]],
  ["operator/status/", ["operator/status/", "operator/desired/", "operator/kube/", "crds/", "runtime/"]],
  ["operator/cluster/", ["operator/cluster/", ...BELOW_CLUSTER, "crds/", "runtime/"]],
  [
    "operator/reconcile/",
    ["operator/reconcile/", "operator/cluster/", ...BELOW_CLUSTER, "operator/metrics.ts", "crds/", "runtime/"],
  ],
  ["operator/", ["operator/", "crds/", "runtime/"]],
  ["worker/source/", ["worker/source/", "runtime/"]],
  ["worker/format/", ["worker/format/", "worker/source/", "runtime/"]],
  ["worker/sink/", ["worker/sink/", "runtime/"]],
  ["worker/pipeline/", ["worker/pipeline/", "worker/format/", "worker/source/", "worker/sink/", "runtime/"]],
  ["worker/", ["worker/", "crds/", "runtime/"]],
];

const files = globSync(["crds/**/*.ts", "runtime/**/*.ts", "operator/**/*.ts", "worker/**/*.ts"], { cwd: ROOT });

function imports(file: string): string[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(([, path]) =>
    normalize(join(dirname(file), path ?? "")),
  );
}

test("data goes one way: no file imports what its folder may not know", () => {
  assert.ok(files.length > 20, "the product's files are found");
  const wrong = files.flatMap((file) => {
    const allowed = ALLOWED.find(([folder]) => file.startsWith(folder))?.[1] ?? [];
    return imports(file)
      .filter((path) => !allowed.some((folder) => path.startsWith(folder)))
      .map((path) => `${file} imports ${path}`);
  });
  assert.deepEqual(wrong, []);
});

test("only the two main files read the environment or end the process", () => {
  const wrong = files.filter((file) => {
    if (/^(operator|worker)\/main\.ts$/.test(file) || file === "runtime/shutdown.ts") return false;
    return /process\.(env|exit)\b/.test(readFileSync(join(ROOT, file), "utf8"));
  });
  assert.deepEqual(wrong, []);
});
