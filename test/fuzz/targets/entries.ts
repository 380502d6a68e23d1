/** Entries of a topic: metadata, compression, encryption, batches; and what formats make of the messages in them. */
import { crc32c } from "@node-rs/crc32";
import { systemClock } from "../../../runtime/clock.ts";
import { createFormat } from "../../../worker/format/create.ts";
import { refuseDefect } from "../../../worker/format/defect.ts";
import { PoisonError } from "../../../worker/format/format.ts";
import { partitionKey } from "../../../worker/format/partition-key.ts";
import { createDecryptor, type Decryptor } from "../../../worker/source/encryption/decryptor.ts";
import { Compression } from "../../../worker/source/protocol/compression.ts";
import type { DecodedEntry } from "../../../worker/source/protocol/decoded-entry.ts";
import { createEntryDecoder } from "../../../worker/source/protocol/entry-decoder.ts";
import { entryMemory } from "../../../worker/source/protocol/entry-memory.ts";
import type { AckSet, WireMessage } from "../../../worker/source/protocol/message.ts";
import { type CompressionType, SourceError } from "../../../worker/source/source.ts";
import { encryptor, keysOf, rsaKey } from "../../worker/source/wire/encryption.ts";
import { compress } from "../../worker/source/wire/publisher.ts";
import type { Choices } from "../choices.ts";
import { encoded, type Field, field, mutated } from "../fields.ts";
import { INTERESTING, mutatedBytes } from "../mutations-of-bytes.ts";
import { ensure, type Meter, type Target, TURN_MILLIS } from "../target.ts";

/** Bytes: what brokers take by default, and what one entry may inflate to. */
const MOST_FRAME = 5 << 20;
const MOST_INFLATED = 32 << 20;
const TOPIC = "persistent://public/default/in-partition-0";
/** Bytes of the metadata of one message in a batch, and where they are many. */
const MOST_SINGLE = 64 << 10;
const MOST_LARGE_SINGLE = 16 << 20;

const key = rsaKey();
const encrypt = encryptor({ orders: key.publicKey });
const DECRYPTORS: readonly (Decryptor | null)[] = [
  null,
  createDecryptor({ keys: keysOf(new Map([["orders", key.pem]])), onFailure: "Fail" }, systemClock),
  createDecryptor({ keys: keysOf(new Map([["orders", key.pem]])), onFailure: "Consume" }, systemClock),
];
const FORMATS = (["FULL_MESSAGE_IN_JSON", "FULL_MESSAGE_IN_FB", "FULL_MESSAGE_IN_JSON_EXPAND_VALUE"] as const).map(
  (messageFormat) =>
    createFormat({ messageFormat, jsonFlatten: false, jsonIncludeNonNulls: true }, { schema: async () => null }),
);

interface EntryInput {
  /** What follows the command of a MESSAGE frame. */
  readonly rest: Buffer;
  readonly decryptor: number;
  readonly owned: boolean;
  readonly ackSet: AckSet | null;
}

function metadata(choices: Choices): Field[] {
  return [
    field(1, "producer-1"),
    field(2, 7),
    field(3, 1_767_225_600_000),
    field(4, [field(1, "property-name"), field(2, "property-value")]),
    field(6, "partition-key"),
    ...(choices.chance(0.3) ? [field(12, 1_767_225_600_001)] : []),
    ...(choices.chance(0.2) ? [field(16, Buffer.alloc(choices.pick([8, 0, 1, 9])))] : []),
    ...(choices.chance(0.2) ? [field(17, 1)] : []),
    ...(choices.chance(0.2) ? [field(18, "ordering-key")] : []),
    ...(choices.chance(0.1) ? [field(25, 1)] : []),
  ];
}

/** One message of a batch, as often as `times`. */
function batched(choices: Choices, most: number): Buffer {
  const payload = choices.chance(0.5) ? Buffer.from("payload") : choices.bytes(20);
  const sound = [
    field(2, "key-of-one"),
    field(3, payload.length),
    ...(choices.chance(0.3) ? [field(1, [field(1, "name-in-batch"), field(2, "value")])] : []),
    ...(choices.chance(0.3) ? [field(5, 1_767_225_600_000), field(7, "ordering")] : []),
  ];
  const single = encoded(mutated(sound, choices), choices.chance(0.1) ? MOST_LARGE_SINGLE : MOST_SINGLE);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(single.length);
  const unit = Buffer.concat([size, single, payload]);
  const count = Math.max(
    1,
    Math.min(choices.chance(0.3) ? choices.count(20) : 1 + choices.below(4), most / unit.length),
  );
  return Buffer.alloc(unit.length * Math.floor(count), unit);
}

function batchOf(choices: Choices, most: number): { readonly payload: Buffer; readonly count: number } {
  const first = batched(choices, most / 2);
  const payload = Buffer.concat([first, choices.chance(0.3) ? batched(choices, most / 2) : Buffer.alloc(0)]);
  const count = countMessages(payload);
  return { payload, count: choices.chance(0.1) ? Number(choices.pick(INTERESTING)) : count };
}

/** As many as the sizes and the payload sizes tell; rough where they are not sound. */
function countMessages(payload: Buffer): number {
  let count = 0;
  for (let at = 0; at + 4 <= payload.length; count++) {
    const single = payload.readUInt32BE(at);
    const start = at + 4 + single;
    const size = /* the field of the payload's size, small here */ payload.subarray(at + 4, start).indexOf(0x18);
    at = start + (size < 0 ? 0 : (payload[at + 5 + size] ?? 0));
  }
  return count;
}

const KINDS: readonly CompressionType[] = ["NONE", "LZ4", "ZLIB", "ZSTD", "SNAPPY"];

/** What follows the command of a MESSAGE frame. */
export function entryRest(choices: Choices): Buffer {
  const head = metadata(choices);
  const kind = choices.chance(0.4) ? choices.pick(KINDS) : "NONE";
  const most = kind === "NONE" ? MOST_FRAME : MOST_INFLATED;
  const batch = choices.chance(0.5) ? batchOf(choices, most) : null;
  const plain = batch?.payload ?? choices.bytes(40);
  if (batch !== null) head.push(field(11, batch.count));
  let payload = plain;
  if (kind !== "NONE") {
    const size = choices.chance(0.1) ? choices.pick(INTERESTING) : plain.length;
    head.push(field(8, choices.chance(0.05) ? choices.below(40) : Compression[kind]), field(9, size));
    payload = compress(kind, plain).subarray(0, MOST_FRAME);
  }
  if (choices.chance(0.2)) {
    const sealed = encrypt(payload);
    payload = sealed.payload;
    for (const { key: name = "", value = Buffer.alloc(0) } of sealed.metadata.encryptionKeys ?? []) {
      const data = choices.chance(0.2) ? mutatedBytes(Buffer.from(value), choices, 4_096) : Buffer.from(value);
      head.push(field(13, [field(1, name), field(2, data), field(3, [field(1, "key-metadata"), field(2, "value")])]));
    }
    head.push(field(15, Buffer.from(sealed.metadata.encryptionParam ?? [])));
  }
  return framed(
    encoded(mutated(head, choices), MOST_FRAME - 1024),
    mutatedBytes(payload, choices, MOST_FRAME),
    choices,
  );
}

function framed(head: Buffer, payload: Buffer, choices: Choices): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(choices.chance(0.03) ? Number(BigInt(choices.pick(INTERESTING)) & 0xffff_ffffn) : head.length);
  const body = Buffer.concat([size, head, payload]).subarray(0, MOST_FRAME);
  const sum = Buffer.from([0x0e, 0x01, 0, 0, 0, 0]);
  sum.writeUInt32BE(crc32c(body), 2);
  const broker = Buffer.from([0x0e, 0x02, 0, 0, 0, 2, 8, 1]);
  return Buffer.concat([...(choices.chance(0.2) ? [broker] : []), ...(choices.chance(0.9) ? [sum] : []), body]);
}

export const entries: Target<EntryInput> = {
  name: "entries",
  generate: (choices) => ({
    rest: entryRest(choices),
    decryptor: choices.below(DECRYPTORS.length),
    owned: choices.chance(0.5),
    ackSet: choices.chance(0.2) ? [choices.below(2 ** 32), choices.below(2 ** 32)] : null,
  }),
  parts: ({ rest, ...options }) => ({ rest, options: JSON.stringify(options) }),
  allowedMillis: () => TURN_MILLIS,
  run({ rest, decryptor, owned, ackSet }, meter) {
    const memory = entryMemory();
    const decoder = createEntryDecoder({
      maxUncompressedBytes: MOST_INFLATED,
      decryptor: DECRYPTORS[decryptor] ?? null,
      memory,
    });
    // A frame that is owned lies in memory of the reader's own.
    const frame = owned ? memory.own(rest.length) : Buffer.from(rest);
    rest.copy(frame);
    meter.turn(() => decoder.permits(frame, 0, frame.length));
    const position = { ledger: 1, entry: 2, partition: 0 };
    const decoded = meter.turn(() => decoder.decode(frame, 0, frame.length, owned, position, ackSet));
    ensure(decoded !== null, "an entry waits for its turn, though no other has it");
    return decoded === null ? "" : readDecoded(decoded, meter);
  },
};

/** Reads all messages, and makes records of the first and the last one of each part. */
export function readDecoded(decoded: DecodedEntry, meter: Meter): string {
  const { parts, messages, chunk, entry } = decoded;
  ensure(decoded.retainedBytes >= 0 && Number.isFinite(decoded.retainedBytes), "retains no number of bytes");
  let outcome = chunk === null ? "messages" : "chunk";
  const look = (part: readonly WireMessage[]): void => {
    for (const message of new Set([part[0], part.at(-1)])) {
      if (message !== undefined) outcome = readMessage(message, meter);
    }
  };
  look(messages);
  for (let left = parts?.left ?? 0; left > 0; ) {
    const part = meter.turn(() => parts?.next() ?? []);
    look(part);
    ensure(part.length <= 1_000, `a part of ${part.length} messages`);
    const now = parts?.left ?? 0;
    ensure(now < left, "a part without messages, though some are left");
    left = now;
  }
  meter.turn(() => [entry.producerName, entry.schemaVersion, entry.uuid]);
  decoded.release?.();
  return parts === null ? outcome : `${outcome} in parts`;
}

/** An error of JavaScript's own that was told as if the bytes said so. */
const UNEXPECTED = /^(?:[A-Z]\w*)?Error\b/;

function readMessage(message: WireMessage, meter: Meter): string {
  const { defect } = message.entry;
  ensure(defect === null || !UNEXPECTED.test(defect.message), `a defect that was not foreseen: ${defect?.message}`);
  meter.turn(() => [message.id, message.orderingKey, message.eventTime, message.keyIsBase64, message.isNull]);
  ensure(message.payload.length <= MOST_INFLATED, "a payload larger than an entry may be");
  const chosen = meter.turn(() => partitionKey(message, TOPIC));
  ensure(chosen.length > 0 && chosen.length <= 256 && chosen.isWellFormed(), `a partition key of ${chosen.length}`);
  let outcome = "record";
  for (const format of FORMATS) {
    try {
      meter.turn(() => {
        refuseDefect(message);
        // Without a version there is nothing to prepare.
        if (message.entry.schemaVersion === null) format.encode(message, TOPIC);
      });
    } catch (error) {
      if (error instanceof SourceError || !(error instanceof PoisonError)) throw error;
      outcome = error.code;
    }
  }
  return outcome;
}
