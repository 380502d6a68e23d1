/** Chunks of messages that are larger than a frame, in any order and number. */
import { chunkBytes } from "../../../worker/source/protocol/chunk.ts";
import { createEntryDecoder, type EntryDecoder } from "../../../worker/source/protocol/entry-decoder.ts";
import { entryMemory } from "../../../worker/source/protocol/entry-memory.ts";
import { SourceError } from "../../../worker/source/source.ts";
import { type ChunkCollector, createChunkCollector } from "../../../worker/source/wire/chunk-collector.ts";
import { nothingIncomplete } from "../../../worker/source/wire/incomplete.ts";
import { createVirtualClock } from "../../clock.ts";
import type { Choices } from "../choices.ts";
import { encoded, field, mutated } from "../fields.ts";
import { INTERESTING } from "../mutations-of-bytes.ts";
import { ensure, type Meter, type Target, TURN_MILLIS } from "../target.ts";
import { readDecoded } from "./entries.ts";

const MOST_BYTES = 32 << 20;
/** Of all entries of an input together. */
const MOST_ENTRIES = 12_000;
const MOST_SENT = 600 << 20;

/** What a worker asks for at most before it has given something back: twice the budget of the default memory limit. */
const MOST_KEPT = 2 * Math.floor((512 << 20) / 40);

/** Entries that follow one another: chunks `from` to below `to` of one message, and of as many more as `copies` says. */
interface Run {
  readonly uuid: number;
  /** Characters of the uuid. */
  readonly uuidLength: number;
  readonly copies: number;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly total: number;
  readonly bytes: number;
  /** Of the chunk, changed, instead of sound ones. */
  readonly metadata: Buffer | null;
}

function runOf(choices: Choices): Run {
  const uuid = choices.below(2 ** choices.below(8));
  const count = choices.chance(0.3) ? choices.count(14) : 2 + choices.below(4);
  const from = choices.chance(0.2) ? choices.below(count) : 0;
  const to = choices.chance(0.2) ? from + choices.below(count) : count;
  const bytes = choices.chance(0.2) ? choices.count(18) : choices.below(64);
  const total = choices.chance(0.1) ? Number(choices.pick(INTERESTING)) : bytes * count;
  const uuidLength = choices.chance(0.1) ? choices.magnitude(22) : 0;
  const copies = choices.chance(0.2) ? choices.magnitude(7) : 1;
  const run: Run = { ...{ uuid, uuidLength, copies, from, to, count, total, bytes }, metadata: null };
  if (!choices.chance(0.2)) return run;
  return { ...run, metadata: encoded(mutated(chunkFields(run, from, 0), choices), 1 << 20) };
}

function chunkFields({ uuid, uuidLength, count, total }: Run, chunkId: number, copy: number) {
  return [
    field(1, `producer-${uuid % 3}`),
    field(2, chunkId),
    field(3, 1_767_225_600_000),
    field(26, `uuid-${uuid}-${copy}`.padEnd(uuidLength, "u")),
    field(27, count),
    field(28, total),
    field(29, chunkId),
  ];
}

function entryOf(run: Run, chunkId: number, copy: number): Buffer {
  const metadata = run.metadata ?? encoded(chunkFields(run, chunkId, copy), 5 << 20);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(metadata.length);
  return Buffer.concat([size, metadata, Buffer.alloc(run.bytes, 0x61)]);
}

export const chunks: Target<readonly Run[]> = {
  name: "chunks",
  generate: (choices) => Array.from({ length: 1 + choices.below(12) }, () => runOf(choices)),
  parts: (runs) => ({ runs: JSON.stringify(runs) }),
  allowedMillis: () => TURN_MILLIS,
  run(runs, meter) {
    const memory = entryMemory();
    const decoder = createEntryDecoder({ maxUncompressedBytes: MOST_BYTES, decryptor: null, memory });
    const waiting = nothingIncomplete();
    const collector = createChunkCollector({
      ...{ maxBytes: MOST_BYTES, waiting, asking: () => true, clock: createVirtualClock() },
      onExpired: () => undefined,
      onStrays: null,
    });
    const state: State = { outcome: "waiting", entry: 0, sent: 0, kept: 0 };
    for (const run of runs) {
      for (let copy = 0; copy < run.copies && mayGoOn(state); copy++) {
        for (let id = run.from; id < run.to && mayGoOn(state); id++) {
          if (!receive(entryOf(run, id, copy), state, { decoder, collector, meter })) break;
        }
      }
    }
    collector.clear();
    ensure(waiting.reserved === 0, `${waiting.reserved} bytes stay reserved`);
    return state.outcome;
  },
};

interface State {
  outcome: string;
  /** The number of the last one. */
  entry: number;
  /** Bytes of all. */
  sent: number;
  /** Bytes of chunks that wait for others. */
  kept: number;
}

function mayGoOn({ entry, sent, kept }: State): boolean {
  return entry < MOST_ENTRIES && sent < MOST_SENT && kept < MOST_KEPT;
}

interface Readers {
  readonly decoder: EntryDecoder;
  readonly collector: ChunkCollector;
  readonly meter: Meter;
}

/** False where there is no memory for what it begins. */
function receive(bytes: Buffer, state: State, { decoder, collector, meter }: Readers): boolean {
  state.entry += 1;
  state.sent += bytes.length;
  const position = { ledger: 1, entry: state.entry, partition: 0 };
  const decoded = meter.turn(() => decoder.decode(bytes, 0, bytes.length, false, position, null));
  if (decoded === null || decoded.chunk === null) return true;
  const chunk = { entry: decoded.entry, payload: decoded.chunk, position };
  meter.turn(() => collector.overtake(chunk.entry));
  if (!mayAdd(() => collector.mayAdd(chunk.entry))) return false;
  const added = meter.turn(() => collector.add(chunk, null));
  if (added.kind === "waiting") state.kept += chunkBytes(chunk);
  if (added.kind !== "collected") return true;
  state.kept -= added.message.size - chunkBytes(chunk);
  if (added.defect !== null) state.outcome = "defect";
  else {
    const whole = meter.turn(() => decoder.assemble(added.message.chunks));
    state.outcome = "code" in whole ? whole.code : readDecoded(whole, meter);
  }
  // What was handed on has them now.
  added.message.chunks.length = 0;
  return true;
}

/** One that finds no memory now comes again, or its topic-partition is read again. */
function mayAdd(ask: () => boolean): boolean {
  try {
    return ask();
  } catch (error) {
    if (error instanceof SourceError && error.code === "MemoryExhausted") return false;
    throw error;
  }
}
