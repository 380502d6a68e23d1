import { parseArgs } from "node:util";
import { build } from "./build.ts";
import { serve } from "./serve.ts";
import { down, logs, status, up } from "./session.ts";

const USAGE = `usage: main.ts COMMAND [--state DIR]
  up            start Kubernetes, Pulsar and Kinesis; prints lines to evaluate in a shell
  down          end them
  status        say what runs; the exit code is 3 when nothing does
  logs [PART]   print the logs of kubernetes, pulsar, kinesis, or all; PART may name one component: kubelet
  build         build and fetch what the others need, once
options:
  --state DIR   where a running environment is recorded, so that several can run at once (default: one per checkout)
  --metrics     run metrics-server too`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { state: { type: "string" }, metrics: { type: "boolean" }, help: { type: "boolean" } },
});
const [command, part] = positionals;
const metrics = values.metrics ?? false;

async function main(): Promise<number> {
  switch (values.help ? "help" : command) {
    case "up":
      return up(values.state, { metrics });
    case "down":
      return down(values.state);
    case "status":
      return status(values.state);
    case "logs":
      return logs(values.state, part);
    case "build":
      return build({ metrics });
    case "serve":
      return serve(values.state, { metrics });
    default:
      process.stderr.write(`${USAGE}\n`);
      return values.help ? 0 : 2;
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
