import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { load } from "js-yaml";
import { run } from "../env/process.ts";
import { promtool } from "../env/promtool.ts";
import { CHART, only, render } from "./chart.ts";

const TESTS = join(import.meta.dirname, "alerts.rules-test.yaml");

interface Group {
  readonly rules: readonly { readonly alert: string; readonly annotations: { readonly runbook_url: string } }[];
}

interface RuleTests {
  readonly tests: readonly { readonly alert_rule_test: readonly { alertname: string; exp_alerts: unknown[] }[] }[];
}

/** promtool wants a file of groups; the chart puts the list of groups into a PrometheusRule. */
const asFile = (groups: string) => `groups:\n${groups.replaceAll(/^/gm, "  ")}`;

describe("the chart's alerts", () => {
  let folder: string;
  let tool: string;
  before(async () => {
    tool = await promtool((line) => process.stderr.write(`${line}\n`));
    folder = await mkdtemp(join(tmpdir(), "alerts-"));
    await writeFile(join(folder, "alerts.yaml"), asFile(await readFile(join(CHART, "files/alerts.yaml"), "utf8")));
    await writeFile(join(folder, "tests.yaml"), await readFile(TESTS, "utf8"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("are rules that Prometheus takes", async () => {
    await run(tool, ["check", "rules", join(folder, "alerts.yaml")]);
  });

  it("sound when they should, with the words that they should, and not otherwise", async () => {
    await run(tool, ["test", "rules", join(folder, "tests.yaml")], { cwd: folder });
  });

  it("are all heard by a test", async () => {
    const { tests } = load(await readFile(TESTS, "utf8")) as RuleTests;
    const heard = tests.flatMap((test) => test.alert_rule_test.filter(({ exp_alerts }) => exp_alerts.length > 0));
    const names = new Set(heard.map(({ alertname }) => alertname));
    const groups = load(await readFile(join(CHART, "files/alerts.yaml"), "utf8")) as Group[];
    const silent = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)).filter((alert) => !names.has(alert));
    assert.deepEqual(silent, []);
  });

  it("name the runbook where people can read it", async () => {
    const runbookUrl = "https://wiki.example/operating.md";
    const rule = only(await render({ metrics: { prometheusRule: { enabled: true, runbookUrl } } }), "PrometheusRule");
    const urls = (rule["spec"] as { groups: Group[] }).groups.flatMap(({ rules }) =>
      rules.map(({ annotations }) => annotations.runbook_url),
    );
    assert.ok(urls.length > 10);
    for (const url of urls) assert.match(url, /^https:\/\/wiki\.example\/operating\.md#kinesissink/);
  });
});
