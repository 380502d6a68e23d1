import { createServer } from "node:net";
import { run } from "./process.ts";

const PICK = `
const net = require("node:net");
const servers = Array.from({ length: Number(process.argv[1]) }, () => net.createServer());
Promise.all(servers.map((s) => new Promise((r) => s.listen(0, () => r(s.address().port)))))
  .then((ports) => { console.log(ports.join(" ")); process.exit(); });
`;

/**
 * Distinct TCP ports that nothing listens on. With `enter` (a command prefix that enters a network namespace) they are
 * free there. Another process may take one before it is used: a starter retries with new ports.
 */
export async function freePorts(count: number, enter: readonly string[] = []): Promise<number[]> {
  if (enter.length > 0) {
    const [command = "", ...args] = [...enter, process.execPath, "-e", PICK, String(count)];
    return (await run(command, args)).trim().split(" ").map(Number);
  }
  const servers = Array.from({ length: count }, () => createServer());
  try {
    return await Promise.all(
      servers.map((server) => {
        const { promise, resolve, reject } = Promise.withResolvers<number>();
        server.once("error", reject);
        server.listen(0, "127.0.0.1", () => {
          const address = server.address();
          if (address !== null && typeof address === "object") resolve(address.port);
        });
        return promise;
      }),
    );
  } finally {
    for (const server of servers) server.close();
  }
}
