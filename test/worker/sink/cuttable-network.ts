import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { systemClock } from "../../../runtime/clock.ts";
import { createKinesisSink } from "../../../worker/sink/client.ts";
import { createCredentials } from "../../../worker/sink/credentials.ts";
import type { Sink } from "../../../worker/sink/sink.ts";

export const STREAM = "orders";

/** A network between worker and endpoint that can be cut: what the worker's kernel sends meanwhile arrives when it ends. */
export async function cuttableNetwork(target: string) {
  const { port: targetPort, protocol } = new URL(target);
  const sockets = new Set<Socket>();
  let isCut = false;
  const server: Server = createServer((client) => {
    const upstream = connect(Number(targetPort), "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    client.on("data", (chunk) => upstream.write(chunk));
    client.on("close", () => upstream.end());
    upstream.pipe(client);
    if (isCut) client.pause();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const clients = () => [...sockets].filter((socket) => socket.localPort === port);
  return {
    url: `${protocol}//127.0.0.1:${port}`,
    cut: () => {
      isCut = true;
      for (const client of clients()) client.pause();
    },
    mend: () => {
      isCut = false;
      for (const client of clients()) client.resume();
    },
    ended: () => clients().every((client) => client.destroyed),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export function sinkOn(endpoint: string, requestTimeout: number, maxConnections = 4): Sink {
  const limits = { connectTimeout: 5_000, requestTimeout, skipCertificateValidation: true, clock: systemClock };
  return createKinesisSink({
    ...limits,
    ...{ stream: STREAM, region: undefined, endpoint, endpointPort: undefined, maxConnections },
    credentials: createCredentials({
      ...limits,
      ...{ pluginName: "", region: undefined, stsEndpoint: undefined, stsPort: undefined },
      readParam: async () => '{"accessKey":"key","secretKey":"secret"}',
    }),
    userAgent: { name: "test", version: "1" },
  });
}
