import { createRequire } from "node:module";
import { constants, inflateSync, zstdDecompressSync } from "node:zlib";
import type * as Lz4 from "lz4-napi";
import type * as Snappy from "snappy";
import { isMemoryShortage } from "../../../runtime/memory-shortage.ts";
import { MalformedError, ProtobufReader } from "./protobuf-reader.ts";

/** MessageMetadata.compression, as in PulsarApi.proto. */
export const Compression = { NONE: 0, LZ4: 1, ZLIB: 2, ZSTD: 3, SNAPPY: 4 } as const;

/**
 * Decompresses a payload whose producer promised `size` bytes; never allocates more than that for the result.
 * @throws MalformedError when the bytes, the size or the kind of compression are not sound; what tells of no memory
 */
export function decompress(kind: number, payload: Buffer, size: number): Buffer {
  let result: Buffer;
  try {
    result = decompressors[kind]?.(payload, size) ?? unknownKind(kind);
  } catch (error) {
    if (error instanceof MalformedError || isMemoryShortage(error)) throw error;
    throw new MalformedError(`the payload does not decompress: ${error instanceof Error ? error.message : "failed"}`);
  }
  if (result.length !== size) {
    throw new MalformedError(`the payload decompresses to ${result.length} bytes instead of ${size}`);
  }
  return result;
}

/** Loaded with the first entry that needs them: a topic rarely does, and each takes megabytes. */
const load = createRequire(import.meta.url);
const lz4 = (): typeof Lz4 => load("lz4-napi") as typeof Lz4;
const snappy = (): typeof Snappy => load("snappy") as typeof Snappy;

type Decompressor = (payload: Buffer, size: number) => Buffer;

const decompressors: Readonly<Record<number, Decompressor>> = {
  [Compression.LZ4]: (payload, size) => {
    // The library wants the size in front, little-endian; Pulsar's block has none.
    const block = Buffer.allocUnsafe(payload.length + 4);
    block.writeUInt32LE(size, 0);
    payload.copy(block, 4);
    return lz4().uncompressSync(block);
  },
  // The Java client flushes the stream and does not end it; that it is whole is told by its size.
  [Compression.ZLIB]: (payload, size) =>
    inflateSync(payload, { maxOutputLength: Math.max(1, size), finishFlush: constants.Z_SYNC_FLUSH }),
  [Compression.ZSTD]: (payload, size) => zstdDecompressSync(payload, { maxOutputLength: Math.max(1, size) }),
  [Compression.SNAPPY]: (payload, size) => {
    // Snappy begins with its own idea of the size, which the library would allocate.
    const claimed = new ProtobufReader().over(payload, 0, payload.length).varint();
    if (claimed !== size) throw new MalformedError(`the payload claims ${claimed} bytes instead of ${size}`);
    return snappy().uncompressSync(payload) as Buffer;
  },
};

function unknownKind(kind: number): never {
  throw new MalformedError(`compression ${kind} is unknown`);
}
