import { once } from "node:events";
import { createServer } from "node:net";
import { run } from "./process.ts";

/** Below the ports that systems give to outgoing connections, one of which could sit on a server's port while it restarts. */
const FIRST = 12_000;
const LAST = 29_999;

/**
 * Distinct TCP ports that nothing listens on. With `enter` (a command prefix that enters a network namespace) they are
 * free there. Another process may take one before it is used: a starter retries with new ports.
 */
export async function freePorts(count: number, enter: readonly string[] = []): Promise<number[]> {
  if (enter.length > 0) {
    const program =
      "const { freePorts } = await import(process.argv[1]); console.log(...(await freePorts(+process.argv[2])))";
    const node = [process.execPath, "--input-type=module", "--eval", program, import.meta.filename, String(count)];
    const [command = "", ...args] = [...enter, ...node];
    return (await run(command, args)).trim().split(" ").map(Number);
  }
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

/** On every address: a server may listen on any of them. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port);
  try {
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
