import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readChartValues, valuesTable } from "../../scripts/chart-values.ts";

const ROOT = join(import.meta.dirname, "../..");

describe("documentation of a chart's values", () => {
  it("reads the comment above a key, over several lines and in nested keys", () => {
    const values = readChartValues(
      ["# -- How many.", "replicas: 2", "image:", "  # -- Where from,", "  # and which.", "  repository: a|b", ""].join(
        "\n",
      ),
    );
    assert.deepEqual(values, [
      { key: "replicas", description: "How many.", default: 2 },
      { key: "image.repository", description: "Where from, and which.", default: "a|b" },
    ]);
  });

  it("documents an object as one value where the comment is above it", () => {
    const [value, ...others] = readChartValues("# -- Sizes.\nresources:\n  limits:\n    memory: 1Gi\n");
    assert.deepEqual(value, { key: "resources", description: "Sizes.", default: { limits: { memory: "1Gi" } } });
    assert.deepEqual(others, []);
  });

  it("does not take an ordinary comment for documentation", () => {
    assert.throws(() => readChartValues("# An aside.\nreplicas: 2\n"), /line 2: replicas has no comment/);
  });

  it("names the value that has no documentation", () => {
    assert.throws(() => readChartValues("image:\n  tag: x\n"), /line 2: image\.tag has no comment/);
  });

  it("escapes what would break the table", () => {
    const table = valuesTable([{ key: "a", description: "x | y", default: "a|b" }]);
    assert.match(table, /\| `a` +\| `"a\\\|b"` +\| x \\\| y +\|$/);
  });

  it("stands in the chart's README as in its values.yaml", () => {
    const script = join(ROOT, "scripts/generate-chart-readme.ts");
    execFileSync(process.execPath, [script, "--check"], { stdio: ["ignore", "ignore", "inherit"] });
    const text = readFileSync(join(ROOT, "charts/kinesis-sink-operator/README.md"), "utf8");
    assert.match(text, /`watchNamespaces`/);
  });
});
