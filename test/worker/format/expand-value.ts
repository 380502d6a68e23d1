/** Runs one message through EXPAND_VALUE, for tests. */
import { createFormat } from "../../../worker/format/create.ts";
import type { SchemaInfo } from "../../../worker/source/source.ts";
import { parseExact } from "../../golden/exact-json.ts";
import { deliveryOf, type MessageParts, messageOf, recordOf } from "./message.ts";

export const TOPIC = "persistent://public/default/in";
const VERSION = Buffer.from("0000000000000001", "hex");

export interface ExpandParts extends MessageParts {
  readonly schema?: SchemaInfo | null;
  readonly jsonIncludeNonNulls?: boolean;
  readonly jsonFlatten?: boolean;
}

export function schemaInfo(type: string, definition = "", properties = new Map<string, string>()): SchemaInfo {
  return { type, data: Buffer.from(definition), properties };
}

export async function expandText(parts: ExpandParts): Promise<string> {
  const { schema = null, jsonIncludeNonNulls = true, jsonFlatten = false } = parts;
  const format = createFormat(
    { messageFormat: "FULL_MESSAGE_IN_JSON_EXPAND_VALUE", jsonIncludeNonNulls, jsonFlatten },
    { schema: async () => schema },
  );
  const message = messageOf({ schemaVersion: schema === null ? null : VERSION, ...parts });
  await format.prepare(deliveryOf([message], TOPIC));
  return recordOf(format, message, TOPIC).toString();
}

export async function expandPayload(parts: ExpandParts): Promise<unknown> {
  return (parseExact(await expandText(parts)) as Record<string, unknown>)["payload"];
}
