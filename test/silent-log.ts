import type { Logger } from "../runtime/log.ts";

/** Says nothing, unless TEST_LOG is set. */
export const silentLog: Logger = {
  debug: (message, fields) => say("debug", message, fields),
  info: (message, fields) => say("info", message, fields),
  warn: (message, fields) => say("warn", message, fields),
  error: (message, fields) => say("error", message, fields),
  with: () => silentLog,
};

function say(level: string, message: string, fields: unknown): void {
  if (process.env["TEST_LOG"] !== undefined) console.error(level, message, fields);
}
