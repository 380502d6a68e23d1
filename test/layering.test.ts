import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { circles, forbidden, holds, importsOf, type Layers } from "./import-graph.ts";

const ROOT = join(import.meta.dirname, "..");
const MOST_LINES = 300;

/** What the parts of a source share: their contract, and what they are made with. */
const SOURCE = ["worker/source/source.ts", "worker/source/options.ts", "runtime/*"];
const FORMAT = ["worker/format/format.ts", "worker/format/defect.ts"];
/** What the stations of the pipeline know of the outside, and the contracts and small tools between them. */
const PIPELINE = [...FORMAT, "worker/source/source.ts", "worker/sink/*", "worker/pipeline/*", "runtime/*"];

/** What the files of a place may import beside their neighbours; data goes one way. */
const LAYERS: Layers = {
  // What the resource is; who validates it knows its types.
  "crds/": ["runtime/json-hash.ts"],
  "crds/validation/": ["crds/*", "runtime/*"],

  "runtime/": ["package.json"],
  "runtime/kube/": ["runtime/*"],

  // kube ← desired ← rollout ← status ← cluster ← reconcile ← the operator; what scaling decides, it decides by reports alone
  "operator/kube/": ["crds/", "runtime/"],
  "operator/desired/": ["operator/kube/", "crds/", "runtime/"],
  "operator/rollout/": ["operator/desired/"],
  "operator/status/": ["operator/desired/", "operator/kube/", "crds/", "runtime/"],
  "operator/cluster/": [
    "operator/status/",
    "operator/rollout/",
    "operator/desired/",
    "operator/kube/",
    "crds/",
    "runtime/",
  ],
  "operator/scaling/": ["crds/"],
  "operator/cleanup/": ["operator/desired/", "operator/kube/", "crds/", "runtime/"],
  "operator/reconcile/": [
    ...["operator/scaling/", "operator/cleanup/", "operator/cluster/", "operator/status/"],
    ...["operator/rollout/", "operator/desired/", "operator/kube/"],
    ...["crds/", "runtime/"],
  ],
  "operator/": ["operator/", "crds/", "runtime/"],

  // the contract ← encryption ← protocol ← broker ← wire | native ← create.ts
  "worker/source/": ["runtime/*"],
  "worker/source/encryption/": SOURCE,
  "worker/source/protocol/": ["worker/source/encryption/", ...SOURCE],
  "worker/source/broker/": ["worker/source/protocol/", "worker/source/encryption/", ...SOURCE],
  "worker/source/wire/": [
    ...["worker/source/broker/", "worker/source/protocol/", "worker/source/encryption/"],
    ...SOURCE,
  ],
  "worker/source/native/": [
    ...["worker/source/broker/", "worker/source/protocol/", "worker/source/encryption/"],
    ...SOURCE,
  ],
  "worker/source/create.ts": ["worker/source/"],
  "worker/source/probe.ts": ["worker/source/", "runtime/*"],
  "worker/source/check.ts": ["worker/source/", "runtime/*"],

  // java ← json ← expand/avro | expand/protobuf ← expand ← the formats
  "worker/format/format.ts": ["worker/source/source.ts"],
  "worker/format/defect.ts": ["worker/source/source.ts"],
  "worker/format/java/": FORMAT,
  "worker/format/json/": ["worker/format/java/", ...FORMAT],
  "worker/format/expand/avro/": ["worker/format/json/", "worker/format/java/", ...FORMAT],
  "worker/format/expand/protobuf/": ["worker/format/json/", "worker/format/java/", ...FORMAT],
  "worker/format/expand/": [
    ...["worker/format/expand/", "worker/format/json/", "worker/format/java/", ...FORMAT],
    ...["worker/source/source.ts", "runtime/*"],
  ],
  "worker/format/": ["worker/format/", "worker/source/source.ts", "runtime/*"],

  "worker/sink/": ["worker/sink/", "runtime/*"],

  // intake, requests ← shards: ordered | unordered put them together, each for itself
  "worker/pipeline/": PIPELINE,
  "worker/pipeline/intake/": PIPELINE,
  "worker/pipeline/requests/": PIPELINE,
  "worker/pipeline/shards/": ["worker/pipeline/requests/", ...PIPELINE],
  "worker/pipeline/ordered/": [
    ...["worker/pipeline/intake/", "worker/pipeline/shards/", "worker/pipeline/requests/"],
    ...PIPELINE,
  ],
  "worker/pipeline/unordered/": [
    ...["worker/pipeline/intake/", "worker/pipeline/shards/", "worker/pipeline/requests/"],
    ...PIPELINE,
  ],
  "worker/pipeline/create.ts": ["worker/pipeline/", ...PIPELINE],

  "worker/peers/": ["worker/pipeline/", "crds/", "runtime/"],
  "worker/report/": ["worker/source/source.ts", ...FORMAT, "worker/sink/*", "worker/pipeline/*", "crds/", "runtime/"],
  "worker/": ["worker/", "crds/", "runtime/"],

  // what commands share ← validate | convert | check | run | cluster ← program.ts
  "cli/": ["cli/", "crds/", "runtime/"],
  "cli/validate/": ["cli/*", "crds/", "runtime/"],
  "cli/convert/": ["cli/*", "cli/validate/", "crds/", "runtime/"],
  "cli/check/": ["cli/*", "crds/", "runtime/", "worker/"],
  "cli/run/": ["cli/*", "crds/", "runtime/", "worker/"],
  "cli/cluster/": ["cli/*", "crds/", "runtime/"],

  "scripts/": ["scripts/", "crds/"],
};

interface Exception {
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

const EXCEPTIONS: readonly Exception[] = [
  {
    from: "operator/",
    to: "operator/program.ts",
    why: "the program's name, a constant that whatever writes to the API server signs with",
  },
  {
    from: "operator/reconcile/",
    to: "operator/metrics.ts",
    why: "the metrics are made and served at the root, and set where their values are known",
  },
];

const files = globSync(
  ["cli/**/*.ts", "crds/**/*.ts", "runtime/**/*.ts", "operator/**/*.ts", "worker/**/*.ts", "scripts/**/*.ts"],
  { cwd: ROOT },
);
const imports = files.flatMap((file) => importsOf(ROOT, file));
const text = (file: string): string => readFileSync(join(ROOT, file), "utf8");

test("data goes one way: no file imports what its folder may not know", () => {
  assert.ok(files.length > 20, "the product's files are found");
  const wrong = forbidden(imports, LAYERS);
  const unexplained = wrong.filter(
    ({ from, to }) => !EXCEPTIONS.some((one) => holds(one.from, from) && holds(one.to, to)),
  );
  assert.deepEqual(
    unexplained.map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
  const idle = EXCEPTIONS.filter((one) => !wrong.some(({ from, to }) => holds(one.from, from) && holds(one.to, to)));
  assert.deepEqual(idle, [], "exceptions that nothing needs any more");
});

test("every row of the table holds some file: a folder that moved takes its row along", () => {
  const idle = Object.keys(LAYERS).filter((place) => !files.some((file) => holds(place, file)));
  assert.deepEqual(idle, []);
});

test("no files import each other in a circle", () => {
  assert.deepEqual(circles(imports), []);
});

test("no file is longer than a reader takes in", () => {
  const long = files
    .filter((file) => !file.endsWith(".generated.ts"))
    .map((file) => ({ file, lines: text(file).trimEnd().split("\n").length }))
    .filter(({ lines }) => lines > MOST_LINES);
  assert.deepEqual(long, []);
});

test("only the main files read the environment or end the process", () => {
  const wrong = files.filter((file) => {
    if (/^(cli|operator|worker)\/main\.ts$/.test(file) || file === "runtime/shutdown.ts") return false;
    return !file.startsWith("scripts/") && /process\.(env|exit)\b/.test(text(file));
  });
  assert.deepEqual(wrong, []);
});
