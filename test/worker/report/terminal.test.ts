import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import type { WorkerStatus } from "../../../crds/kinesissink.generated.ts";
import { createTerminalReport, terminalReport } from "../../../worker/report/terminal.ts";
import { running } from "./running-facts.ts";

const RUNNING: WorkerStatus = {
  pod: "local",
  state: "Running",
  source: { connected: true, partitions: 2, activePartitions: 2 },
  stream: { writable: true, shards: 4 },
  delivered: 10,
};
const FAILURE = { reason: "StreamNotFound", message: "create it" };
const WAITING: WorkerStatus = { ...RUNNING, state: "Stalled", ...FAILURE, stream: { writable: false, ...FAILURE } };

describe("a report at the terminal", () => {
  test("names each cause once, and the fields that have no effect", () => {
    const text = terminalReport(WAITING, running, ["spec.config.minConnections", "spec.lingerMillis"]);
    assert.equal(text.split("StreamNotFound").length, 2, text);
    assert.match(text, /^ +stream: StreamNotFound: create it$/m);
    assert.match(text, /^ +without effect: spec\.config\.minConnections, spec\.lingerMillis$/m);
    assert.doesNotMatch(terminalReport(RUNNING, running, []), /without effect/);
  });

  function written(terminal: boolean, columns = 200) {
    const out = Object.assign(new PassThrough(), { isTTY: terminal, columns });
    let now = 0;
    const report = createTerminalReport(out, out, [], { now: () => now });
    return {
      log: report.log,
      show: (entry: WorkerStatus, at: number): string => {
        now = at;
        report.show(entry, running);
        return String(out.read() ?? "");
      },
    };
  }

  test("is drawn over the last one, however many lines that took", () => {
    const { show } = written(true, 40);
    const first = show(RUNNING, 0);
    assert.ok(!first.includes("\u001b"));
    const rows = first
      .trimEnd()
      .split("\n")
      .reduce((sum, line) => sum + Math.ceil(line.length / 40), 0);
    assert.ok(rows > 1);
    assert.ok(show(RUNNING, 1000).startsWith(`\u001b[${rows}A\u001b[1G\u001b[0J`));
  });

  test("is drawn below what the log said meanwhile, and on a terminal that tells no width", () => {
    const { show, log } = written(true, 0);
    show(RUNNING, 0);
    log.write("a line of the log\n");
    assert.match(show(RUNNING, 1000), /^a line of the log\n\d\d:/);
    assert.match(show(RUNNING, 2000), /^\W+2A/);
  });

  test("comes line by line where nothing is redrawn: when it says something new, or after five seconds", () => {
    const { show } = written(false);
    assert.match(show(RUNNING, 0), /Running/);
    assert.equal(show({ ...RUNNING, delivered: 11 }, 1000), "");
    assert.match(show(WAITING, 2000), /Stalled/);
    assert.equal(show(WAITING, 3000), "");
    assert.match(show({ ...WAITING, delivered: 12 }, 7000), /12 delivered/);
  });
});
