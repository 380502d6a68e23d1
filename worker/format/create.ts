/** Chooses the format that a resource asks for. */
import type { SchemaRegistry } from "../source/source.ts";
import { expandedMessageFormat } from "./expanded-message.ts";
import { flatbuffersMessageFormat } from "./flatbuffers-message.ts";
import type { Format, MessageFormat } from "./format.ts";
import { jsonMessageFormat } from "./json-message.ts";
import { rawPayloadFormat } from "./raw-payload.ts";

/** The format properties of a resource's `spec.config`, with their defaults applied. */
export interface FormatOptions {
  readonly messageFormat: MessageFormat;
  /** EXPAND_VALUE only: leaves out the outer fields that are null. */
  readonly jsonIncludeNonNulls: boolean;
  /** EXPAND_VALUE only: `{"a":{"b":[1]}}` becomes `{"a.b[0]":1}`. */
  readonly jsonFlatten: boolean;
}

/** @param schemas asked by EXPAND_VALUE only */
export function createFormat(options: FormatOptions, schemas: SchemaRegistry): Format {
  switch (options.messageFormat) {
    case "ONLY_RAW_PAYLOAD":
      return rawPayloadFormat();
    case "FULL_MESSAGE_IN_JSON":
      return jsonMessageFormat();
    case "FULL_MESSAGE_IN_FB":
      return flatbuffersMessageFormat();
    case "FULL_MESSAGE_IN_JSON_EXPAND_VALUE":
      return expandedMessageFormat(options, schemas);
  }
}
