/**
 * Prints the test files of one suite, a line each: `unit` needs Node.js alone, `broker` a Pulsar broker (files named
 * `*.broker.test.ts`), `e2e` the whole local environment (`*.api.test.ts` and what lies in `test/e2e`), and `env` makes
 * clusters of its own (what lies in `test/env`). Node.js runs them in the order of their names.
 */
import { globSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");

function suite(file: string): string {
  if (file.endsWith(".broker.test.ts")) return "broker";
  if (file.startsWith("test/env/")) return "env";
  if (file.endsWith(".api.test.ts") || file.startsWith("test/e2e/")) return "e2e";
  return "unit";
}

const wanted = process.argv[2];
const files = globSync("test/**/*.test.ts", { cwd: ROOT }).filter((file) => suite(file) === wanted);
if (files.length === 0) throw new Error(`no test file belongs to the suite ${wanted}; use unit, broker, e2e or env`);
console.log(files.join("\n"));
