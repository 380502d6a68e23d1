import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { freePorts } from "../env/ports.ts";

/** A TCP relay to an endpoint on the loopback interface. While it is down, connections are refused. */
export interface Relay {
  readonly url: string;
  /** Cuts every connection and refuses new ones. */
  down(): Promise<void>;
  /** Listens on the same port again. */
  up(): Promise<void>;
  close(): Promise<void>;
}

export async function startRelay(target: string): Promise<Relay> {
  const { hostname: host, port: targetPort } = new URL(target);
  const sockets = new Set<Socket>();
  // One that no connection gets as its own while the relay is down.
  const [port = 0] = await freePorts(1);
  let server: Server | null = null;

  const keep = (socket: Socket, peer: () => Socket): void => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      peer().destroy();
    });
  };
  const up = async (): Promise<void> => {
    const listening = createServer((client) => {
      const upstream = connect(Number(targetPort), host);
      keep(client, () => upstream);
      keep(upstream, () => client);
      client.pipe(upstream).pipe(client);
    });
    server = listening;
    listening.listen(port, host);
    await once(listening, "listening");
  };
  const down = async (): Promise<void> => {
    if (server === null) return;
    const closed = once(server, "close");
    server.close();
    server = null;
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await up();
  return { url: `http://${host}:${port}`, down, up, close: down };
}
