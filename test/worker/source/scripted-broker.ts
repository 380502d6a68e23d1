import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { afterEach } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import * as c from "../../../worker/source/protocol/commands.ts";
import { Command } from "../../../worker/source/protocol/commands.ts";
import {
  bytes,
  embedded,
  int32,
  type Message,
  type MessageType,
  messageType,
  repeated,
  uint,
} from "../../../worker/source/protocol/field-table.ts";
import { FrameSplitter } from "../../../worker/source/protocol/frame-splitter.ts";
import { commandFrame } from "../../../worker/source/protocol/frames.ts";
import { type EntryMetadata, entryMetadata } from "../../../worker/source/protocol/metadata-codec.ts";
import { ProtobufReader } from "../../../worker/source/protocol/protobuf-reader.ts";

const message = messageType({ consumerId: uint(1), messageId: embedded(2, c.messageId) });
const ack = messageType({
  consumerId: uint(1),
  type: int32(2),
  id: repeated(embedded(3, c.messageId)),
  requestId: uint(8),
});

export interface Peer {
  readonly socket: Socket;
  send<F>(command: number, type: MessageType<F>, value: Message<F>): void;
  sendMessage(consumerId: number, entry: number, payload: string): void;
  sendEntry(consumerId: number, entry: number, metadata: EntryMetadata, payload: Uint8Array): void;
}

/** Answers one command of a client; true when it did, false for the usual answer. */
export type Answer = (command: number, body: Buffer, peer: Peer) => boolean;

export interface ScriptedBroker {
  readonly port: number;
  readonly url: string;
  /** The commands that came, in order. */
  readonly commands: { readonly command: number; readonly body: Buffer }[];
  close(): void;
}

/** PEM. */
interface ServerCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Starts brokers that are closed when their test ends, however it ends. With a certificate they speak TLS. */
export function useScriptedBrokers(): (answer?: Answer, certificate?: ServerCertificate) => Promise<ScriptedBroker> {
  const open: ScriptedBroker[] = [];
  afterEach(() => {
    for (const broker of open.splice(0)) broker.close();
  });
  return async (answer, certificate) => {
    const broker = await startScriptedBroker(answer, certificate);
    open.push(broker);
    return broker;
  };
}

/** A broker for what the real one cannot be brought to do. It serves every topic itself unless `answer` says otherwise. */
async function startScriptedBroker(
  answer: Answer = () => false,
  certificate: ServerCertificate | null = null,
): Promise<ScriptedBroker> {
  const commands: ScriptedBroker["commands"] = [];
  const sockets = new Set<Socket>();
  let url = "";
  const serve = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    const send: Peer["send"] = (command, type, value) => void socket.write(commandFrame(command, type, value));
    const peer: Peer = {
      socket,
      send,
      sendMessage: (id, entry, payload) => void socket.write(messageFrame(id, entry, {}, Buffer.from(payload))),
      sendEntry: (id, entry, metadata, payload) => void socket.write(messageFrame(id, entry, metadata, payload)),
    };
    const splitter = new FrameSplitter((frame, start) => {
      const { command, body } = baseCommand(frame, start);
      commands.push({ command, body });
      if (!answer(command, body, peer)) usual(command, body, peer, url);
    });
    socket.on("data", (chunk: Buffer) => splitter.push(chunk, chunk.length));
  };
  const server = certificate === null ? createServer(serve) : createTlsServer(certificate, serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  url = `${certificate === null ? "pulsar" : "pulsar+ssl"}://127.0.0.1:${port}`;
  return {
    port,
    url,
    commands,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function usual(command: number, body: Buffer, { send }: Peer, url: string): void {
  if (command === Command.CONNECT)
    send(Command.CONNECTED, c.connected, { serverVersion: "scripted", protocolVersion: 20 });
  else if (command === Command.PING) send(Command.PONG, c.empty, {});
  else if (command === Command.PARTITIONED_METADATA) {
    const { requestId } = c.partitionedMetadata.decode(body);
    send(Command.PARTITIONED_METADATA_RESPONSE, c.partitionedMetadataResponse, {
      requestId,
      response: 0,
      partitions: 0,
    });
  } else if (command === Command.LOOKUP) {
    const { requestId } = c.lookup.decode(body);
    send(Command.LOOKUP_RESPONSE, c.lookupResponse, {
      requestId,
      response: c.LookupResponse.Connect,
      ...(url.startsWith("pulsar+ssl:") ? { brokerServiceUrlTls: url } : { brokerServiceUrl: url }),
    });
  } else if (command === Command.SUBSCRIBE) {
    send(Command.SUCCESS, c.success, { requestId: c.subscribe.decode(body).requestId });
  } else if (command === Command.CLOSE_CONSUMER) {
    send(Command.SUCCESS, c.success, { requestId: c.closeConsumer.decode(body).requestId });
  } else if (command === Command.ACK) {
    const { consumerId, requestId } = ack.decode(body);
    send(Command.ACK_RESPONSE, c.ackResponse, { consumerId, requestId });
  }
}

export function decodeAck(body: Buffer): {
  readonly requestId: number;
  /** The last one. */
  readonly entry: number;
  readonly entries: readonly number[];
  readonly cumulative: boolean;
} {
  const { requestId = -1, id = [], type } = ack.decode(body);
  const entries = id.map(({ entry = -1 }) => entry);
  return { requestId, entry: entries.at(-1) ?? -1, entries, cumulative: type === 1 };
}

function baseCommand(frame: Buffer, start: number): { command: number; body: Buffer } {
  const size = frame.readUInt32BE(start);
  const reader = new ProtobufReader().over(frame, start + 4, start + 4 + size);
  reader.varint();
  const command = reader.varint();
  const { body = Buffer.alloc(0) } = messageType({ body: bytes(command) }).decode(frame, start + 4, start + 4 + size);
  return { command, body: Buffer.from(body) };
}

function messageFrame(consumerId: number, entry: number, content: EntryMetadata, payload: Uint8Array): Buffer {
  const head = commandFrame(Command.MESSAGE, message, { consumerId, messageId: { ledger: 1, entry } });
  const metadata = entryMetadata.encode({ producerName: "p", sequenceId: entry, publishTime: 1, ...content });
  const size = Buffer.alloc(4);
  size.writeUInt32BE(metadata.length);
  const frame = Buffer.concat([head, size, metadata, payload]);
  frame.writeUInt32BE(frame.length - 4, 0);
  return frame;
}
