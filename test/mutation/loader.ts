/**
 * For `node --import`: swaps one module for itself with some text replaced, as the variable MUTATION says. The program has
 * no switch for it. Ends the process with a code of its own where the text is not there, or the module is not loaded at all.
 */
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Mutation } from "./mutations.ts";

/** The mutation did not take place. */
export const NOT_MUTATED = 86;

const ROOT = join(import.meta.dirname, "../..");

function mutate(source: string, { module, changes }: Mutation): string {
  let text = source;
  for (const [from, to] of changes) {
    const times = text.split(from).length - 1;
    if (times !== 1) {
      process.stderr.write(`${module} holds ${times} times, instead of once: ${from}\n`);
      process.exit(NOT_MUTATED);
    }
    text = text.replace(from, () => to);
  }
  return text;
}

const given = process.env["MUTATION"];
if (given !== undefined) {
  const mutation = JSON.parse(given) as Mutation;
  const wanted = pathToFileURL(join(ROOT, mutation.module)).href;
  let loaded = false;
  registerHooks({
    load(url, context, next) {
      const result = next(url, context);
      if (url !== wanted) return result;
      loaded = true;
      return { ...result, source: mutate(Buffer.from(result.source as Uint8Array).toString(), mutation) };
    },
  });
  process.on("exit", () => {
    if (loaded) return;
    process.stderr.write(`${mutation.module} was not loaded\n`);
    process.exitCode = NOT_MUTATED;
  });
}
