#!/usr/bin/env node
import { errorText } from "../runtime/error-text.ts";
import { EXIT, type Io, warnLine } from "./io.ts";
import { runCommandLine } from "./program.ts";

const io: Io = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, environment: process.env };

// Whoever reads our output may have seen enough, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.good);
  throw error;
});

try {
  process.exitCode = await runCommandLine(process.argv.slice(2), io);
} catch (error) {
  warnLine(io, errorText(error));
  process.exitCode = EXIT.usage;
}
// Sockets that a silent peer keeps open must not keep a finished command alive; what was printed goes out first.
process.stdout.write("", () => process.exit());
