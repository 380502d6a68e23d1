import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { load } from "js-yaml";
import { createMetrics } from "../../operator/metrics.ts";
import { workerMetrics } from "../../worker/report/metrics.ts";

const FILES = join(import.meta.dirname, "../../charts/kinesis-sink-operator/files");

interface RuleGroup {
  readonly rules: readonly {
    readonly alert: string;
    readonly expr: string;
    readonly annotations: { readonly runbook_url?: string };
  }[];
}

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

/** Names of all series that the two programs serve. */
async function served(): Promise<Set<string>> {
  const worker = workerMetrics(() => {
    throw new Error("the names are known without facts");
  });
  const metrics = [...worker.getMetricsAsArray(), ...createMetrics().registry.getMetricsAsArray()];
  return new Set(
    metrics.flatMap(({ name, type }) =>
      String(type) === "histogram" ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
    ),
  );
}

function metricsIn(expression: string): string[] {
  return expression.match(/kinesis_sink_[a-z0-9_]+/g) ?? [];
}

const alerts = (load(readFileSync(join(FILES, "alerts.yaml"), "utf8")) as RuleGroup[]).flatMap((group) => group.rules);
const dashboard = JSON.parse(readFileSync(join(FILES, "dashboard.json"), "utf8")) as Dashboard;

describe("the chart's alerts and dashboard", () => {
  for (const { alert, expr } of alerts) {
    it(`ask for metrics that exist: ${alert}`, async () => {
      const names = metricsIn(expr);
      assert.ok(names.length > 0);
      for (const name of names) assert.ok((await served()).has(name), name);
    });
  }

  for (const { title, targets } of dashboard.panels) {
    it(`ask for metrics that exist: panel ${title}`, async () => {
      for (const { expr } of targets) {
        const names = metricsIn(expr);
        assert.ok(names.length > 0);
        for (const name of names) assert.ok((await served()).has(name), name);
      }
    });
  }

  it("sound for a sink without any worker, which has no metrics of its own", () => {
    const notReady = alerts.find(({ alert }) => alert === "KinesisSinkNotReady");
    assert.deepEqual(metricsIn(notReady?.expr ?? ""), ["kinesis_sink_operator_sink_ready"]);
  });

  it("say of every alert what it means and what to do", () => {
    for (const { alert, annotations } of alerts)
      assert.deepEqual(Object.keys(annotations), ["summary", "runbook_url", "description"], alert);
  });

  it("name a section of the runbook that is there, with something to run in it", () => {
    const runbook = readFileSync(join(FILES, "../../../docs/operating.md"), "utf8");
    for (const { alert, annotations } of alerts) {
      assert.equal(annotations.runbook_url, `docs/operating.md#${alert.toLowerCase()}`);
      const section = runbook.split(/^### /m).find((text) => text.startsWith(`${alert}\n`));
      assert.match(section ?? "", /^```sh\nkubectl /m, alert);
    }
  });
});
