/** What a broker sends: frames, cut anywhere, and the commands in them. */
import { createForeignText } from "../../../runtime/foreign-text.ts";
import { type ConnectionConsumer, createDispatcher } from "../../../worker/source/broker/dispatcher.ts";
import type { Requests } from "../../../worker/source/broker/requests.ts";
import * as c from "../../../worker/source/protocol/commands.ts";
import { Command } from "../../../worker/source/protocol/commands.ts";
import type { DecodedEntry } from "../../../worker/source/protocol/decoded-entry.ts";
import { createEntryDecoder } from "../../../worker/source/protocol/entry-decoder.ts";
import { entryMemory } from "../../../worker/source/protocol/entry-memory.ts";
import { FrameSplitter } from "../../../worker/source/protocol/frame-splitter.ts";
import { MalformedError } from "../../../worker/source/protocol/protobuf-reader.ts";
import type { Choices } from "../choices.ts";
import { encoded, type Field, field, mutated } from "../fields.ts";
import { INTERESTING, mutatedBytes } from "../mutations-of-bytes.ts";
import { type Target, TURN_MILLIS } from "../target.ts";
import { entryRest, readDecoded } from "./entries.ts";

const MOST_FRAME = 5 << 20;
const MOST_CUTS = 6;
/** A frame of fields of two bytes takes so long. */
const MILLIS_PER_MIB = 100;

interface FramesInput {
  /** As whose answer each answer is read. */
  readonly type: number;
  readonly stream: Buffer;
  /** Where reads end. */
  readonly cuts: readonly number[];
}

const id = field(3, [field(1, 77), field(2, 5), field(3, 0)]);
const SCHEMA = field(4, [
  field(1, "schema-name"),
  field(3, '{"type":"record"}'),
  field(4, 2),
  field(5, [field(1, "schema-key"), field(2, "schema-value")]),
]);

/** Sound bodies of what a broker sends. */
const COMMANDS: Readonly<Record<number, readonly Field[]>> = {
  [Command.MESSAGE]: [field(1, 1), field(2, [field(1, 77), field(2, 5), field(3, 0)]), field(3, 1), field(4, 5n)],
  [Command.CONNECTED]: [field(1, "Pulsar 4.0.8"), field(2, 20), field(3, 5_242_880)],
  [Command.SUCCESS]: [field(1, 3)],
  [Command.ERROR]: [field(1, 3), field(2, 4), field(3, "Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln is not accepted")],
  [Command.SEND_RECEIPT]: [field(1, 1), field(2, 9), id],
  [Command.SEND_ERROR]: [field(1, 1), field(2, 9), field(3, 2), field(4, "disk is full")],
  [Command.CLOSE_PRODUCER]: [field(1, 1), field(2, 3)],
  [Command.CLOSE_CONSUMER]: [field(1, 1), field(2, 3)],
  [Command.PRODUCER_SUCCESS]: [field(1, 3), field(2, "producer-name"), field(3, 0), field(6, 1)],
  [Command.PING]: [],
  [Command.PARTITIONED_METADATA_RESPONSE]: [field(1, 4), field(2, 3), field(3, 0)],
  [Command.LOOKUP_RESPONSE]: [field(1, "pulsar://10.0.0.1:6650"), field(3, 1), field(4, 3), field(5, 1)],
  [Command.REACHED_END_OF_TOPIC]: [field(1, 1)],
  [Command.ACTIVE_CONSUMER_CHANGE]: [field(1, 1), field(2, 1)],
  [Command.GET_TOPICS_OF_NAMESPACE_RESPONSE]: [field(1, 3), field(2, "persistent://a/b/topic-name")],
  [Command.GET_SCHEMA_RESPONSE]: [field(1, 3), SCHEMA, field(5, Buffer.alloc(8))],
  [Command.AUTH_CHALLENGE]: [field(1, "Pulsar 4.0.8"), field(2, [field(1, "token"), field(2, "challenge")])],
  [Command.ACK_RESPONSE]: [field(1, 1), field(4, 1), field(5, "not found"), field(6, 3)],
  [Command.GET_OR_CREATE_SCHEMA_RESPONSE]: [field(1, 3), field(4, Buffer.alloc(8))],
  [Command.TOPIC_MIGRATED]: [field(1, 1), field(2, 1), field(3, "pulsar://elsewhere:6650")],
};
const TYPES = Object.keys(COMMANDS).map(Number);

/** How the body of an answer is read by whoever asked. */
const ANSWERS: Readonly<Record<number, { decode(body: Buffer): unknown }>> = {
  [Command.SUCCESS]: c.success,
  [Command.PRODUCER_SUCCESS]: c.producerSuccess,
  [Command.PARTITIONED_METADATA_RESPONSE]: c.partitionedMetadataResponse,
  [Command.LOOKUP_RESPONSE]: c.lookupResponse,
  [Command.GET_TOPICS_OF_NAMESPACE_RESPONSE]: c.topicsOfNamespaceResponse,
  [Command.GET_SCHEMA_RESPONSE]: c.getSchemaResponse,
  [Command.GET_OR_CREATE_SCHEMA_RESPONSE]: c.getOrCreateSchemaResponse,
  [Command.ACK_RESPONSE]: c.ackResponse,
};

function frame(choices: Choices): Buffer {
  const type = choices.pick(TYPES);
  const body = mutated(COMMANDS[type] ?? [], choices);
  const base = [field(1, type), field(type, body)];
  const command = encoded(choices.chance(0.1) ? mutated(base, choices) : base, MOST_FRAME);
  const rest = type === Command.MESSAGE ? entryRest(choices) : Buffer.alloc(0);
  const sizes = Buffer.alloc(8);
  sizes.writeUInt32BE(wrong(command.length + 4 + rest.length, choices), 0);
  sizes.writeUInt32BE(wrong(command.length, choices), 4);
  const whole = Buffer.concat([sizes, command, rest]);
  return choices.chance(0.1) ? mutatedBytes(whole, choices, MOST_FRAME) : whole;
}

function wrong(size: number, choices: Choices): number {
  return choices.chance(0.03) ? Number(BigInt(choices.pick(INTERESTING)) & 0xffff_ffffn) : size;
}

export const frames: Target<FramesInput> = {
  name: "frames",
  generate(choices) {
    const stream = Buffer.concat(Array.from({ length: 1 + choices.below(4) }, () => frame(choices)));
    const cuts = Array.from({ length: choices.below(MOST_CUTS) }, () => choices.below(stream.length + 1));
    const type = choices.pick(Object.keys(ANSWERS).map(Number));
    return { type, stream, cuts: cuts.sort((a, b) => a - b) };
  },
  parts: ({ stream, ...options }) => ({ stream, options: JSON.stringify(options) }),
  allowedMillis: ({ stream }) => TURN_MILLIS + (MILLIS_PER_MIB * stream.length) / 2 ** 20,
  run({ type, stream, cuts }, meter) {
    const arrived: DecodedEntry[] = [];
    const splitter = reader(arrived, type);
    let from = 0;
    try {
      for (const to of [...cuts, stream.length]) {
        const read = Buffer.from(stream.subarray(from, to));
        meter.turn(() => splitter.push(read, read.length));
        from = to;
        // In turns of their own.
        for (const decoded of arrived.splice(0)) readDecoded(decoded, meter);
      }
    } catch (error) {
      if (error instanceof MalformedError) return "malformed";
      throw error;
    }
    return "followed";
  },
};

/** A connection's reading half, with a consumer whose id is 1. */
function reader(arrived: DecodedEntry[], type: number): FrameSplitter {
  const memory = entryMemory();
  const decoder = createEntryDecoder({ maxUncompressedBytes: 32 << 20, decryptor: null, memory });
  const consumer: ConnectionConsumer = {
    onMessage({ ledger, entry, ackSet }, bytes, start, end, owned) {
      decoder.permits(bytes, start, end);
      const decoded = decoder.decode(bytes, start, end, owned, { ledger, entry, partition: 0 }, ackSet);
      if (decoded !== null) arrived.push(decoded);
    },
    onActiveChange: () => undefined,
    onEndOfTopic: () => undefined,
    onClosed: () => undefined,
    onTurnEnd: () => undefined,
  };
  const requests: Requests = {
    waiting: 0,
    open: () => Promise.reject(new Error("nothing is asked")),
    answer(_, body) {
      decodeAnswer(() => ANSWERS[type]?.decode(body));
    },
    refuse: () => false,
    rejectAll: () => undefined,
  };
  const dispatcher = createDispatcher("broker:6650", createForeignText(), requests, {
    onConnected: () => undefined,
    onPing: () => undefined,
    onPong: () => undefined,
    onChallenge: () => undefined,
    onRefused: () => undefined,
  });
  dispatcher.consumers.set(1, consumer);
  return new FrameSplitter((bytes, start, end, owned) => dispatcher.onFrame(bytes, start, end, owned), memory.own);
}

/** An answer that is not sound fails its request alone. */
function decodeAnswer(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
  }
}
