import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { promisify } from "node:util";
import { operatorInstalled, theStage } from "./setup.ts";

const DEMO = join(import.meta.dirname, "../demo/main.ts");

describe("make demo CLUSTER=current", () => {
  before(operatorInstalled);

  for (const pipeline of ["ordered", "unordered"]) {
    it(`moves 1,000 messages ${pipeline} on the current kubectl context`, async () => {
      const env = { ...process.env, IMAGE: theStage().image };
      const { stdout } = await demo(["--cluster", "current", "--pipeline", pipeline], env);
      assert.match(stdout, /Done: 1000 produced, 1000 read back, none missing/);
      const row = stdout.split("\n").find((line) => /^\s+orders\s/.test(line)) ?? "";
      const [, , ready, , rate] = row.trim().split(/\s+/);
      assert.equal(ready, "True", row);
      assert.ok(Number(rate) > 0, row);
    });
  }

  it("names the variables it needs", async () => {
    const { IMAGE: _image, KINESIS_ENDPOINT: _endpoint, ...env } = process.env;
    await assert.rejects(demo(["--cluster", "current"], env), ({ stderr, code }: { stderr: string; code: number }) => {
      return code === 1 && /KINESIS_ENDPOINT: /.test(stderr) && /IMAGE: /.test(stderr);
    });
  });
});

function demo(args: readonly string[], env: NodeJS.ProcessEnv) {
  return promisify(execFile)(process.execPath, [DEMO, ...args], { env });
}
