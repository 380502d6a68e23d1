/**
 * FULL_MESSAGE_IN_JSON: payload in base64, properties and encryption context, in one JSON document:
 * `{"payloadBase64": …, "properties": {…}, "encryptionCtx": {…}}`.
 */
import type { EncryptionContext, Message } from "../source/source.ts";
import { type Format, refuseTooLarge } from "./format.ts";

const HEAD = '{"payloadBase64":"';
const HEAD_LENGTH = HEAD.length;
const PLAIN_TAIL = '","properties":{}}';

/** @returns a format that needs no schema; a tombstone has an empty payload */
export function jsonMessageFormat(): Format {
  /** All messages of an entry share their encryption context: written once. */
  const contexts = new WeakMap<EncryptionContext, string>();
  const encryption = (context: EncryptionContext): string => {
    let text = contexts.get(context);
    if (text === undefined) {
      text = `,"encryptionCtx":${encryptionJson(context)}`;
      contexts.set(context, text);
    }
    return text;
  };
  return {
    prepare: () => undefined,
    encode(message: Message): Uint8Array {
      const { payload, properties } = message;
      refuseTooLarge((message.payloadBytes / 3) * 4);
      const context = message.entry.encryption;
      if (properties.size === 0 && context === null) return document(payload, PLAIN_TAIL, PLAIN_TAIL.length);
      const tail = `","properties":${propertiesJson(properties)}${context === null ? "" : encryption(context)}}`;
      return document(payload, tail, Buffer.byteLength(tail));
    },
  };
}

function document(payload: Uint8Array, tail: string, tailBytes: number): Uint8Array {
  const base64Length = Math.ceil(payload.length / 3) * 4;
  const out = Buffer.allocUnsafe(HEAD_LENGTH + base64Length + tailBytes);
  out.write(HEAD, 0, "latin1");
  out.write(base64(payload), HEAD_LENGTH, "latin1");
  out.write(tail, HEAD_LENGTH + base64Length, tailBytes === tail.length ? "latin1" : "utf8");
  return out;
}

function base64(bytes: Uint8Array): string {
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)).toString(
    "base64",
  );
}

/** A JSON object of texts, `{}` when empty. */
export function propertiesJson(properties: ReadonlyMap<string, string>): string {
  if (properties.size === 0) return "{}";
  let text = "";
  for (const [name, value] of properties) {
    text += `${text === "" ? "{" : ","}${JSON.stringify(name)}:${JSON.stringify(value)}`;
  }
  return `${text}}`;
}

/** The names are the Java sink's; `compressionType` and the size only when the type is known. */
function encryptionJson(context: EncryptionContext): string {
  const keys = new Map<string, string>();
  const metadata = new Map<string, ReadonlyMap<string, string>>();
  for (const { name, key, metadata: entries } of context.keys) {
    keys.set(name, base64(key));
    if (entries.size > 0) metadata.set(name, entries);
    else metadata.delete(name);
  }
  const metadataText = [...metadata].map(([name, entries]) => `${JSON.stringify(name)}:${propertiesJson(entries)}`);
  const fields = [
    `"keysMapBase64":${propertiesJson(keys)}`,
    `"keysMetadataMap":{${metadataText.join(",")}}`,
    `"encParamBase64":"${base64(context.param)}"`,
    `"algorithm":${JSON.stringify(context.algorithm)}`,
  ];
  if (context.compressionType !== null) {
    fields.push(`"compressionType":${JSON.stringify(context.compressionType)}`);
    fields.push(`"uncompressedMessageSize":${context.uncompressedMessageSize ?? 0}`);
  }
  if (context.batchSize !== null) fields.push(`"batchSize":${context.batchSize}`);
  return `{${fields.join(",")}}`;
}
