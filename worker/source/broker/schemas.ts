import * as c from "../protocol/commands.ts";
import { Command, ServerError } from "../protocol/commands.ts";
import type { Decoded } from "../protocol/field-table.ts";
import type { SchemaInfo, SchemaRegistry } from "../source.ts";
import type { Connection } from "./connection.ts";
import { asSourceError, isSlow } from "./failures.ts";
import { type AskSchema, createKnownSchemas, type KnownSchemasOptions } from "./known-schemas.ts";
import type { Cluster, Migrations } from "./migrations.ts";
import type { Pool } from "./pool.ts";

/** Schema.Type of PulsarApi.proto, under the names that Pulsar's tools print. */
const TYPES: readonly string[] = [
  "NONE",
  "STRING",
  "JSON",
  "PROTOBUF",
  "AVRO",
  "BOOLEAN",
  "INT8",
  "INT16",
  "INT32",
  "INT64",
  "FLOAT",
  "DOUBLE",
  "DATE",
  "TIME",
  "TIMESTAMP",
  "KEY_VALUE",
  "INSTANT",
  "LOCAL_DATE",
  "LOCAL_TIME",
  "LOCAL_DATE_TIME",
  "PROTOBUF_NATIVE",
];

/** Of an answer; each of its properties is some objects, of a few bytes each. No schema that people write comes near it. */
const MOST_ANSWER_BYTES = 1024 * 1024;
/** Nobody can decode by it, and nothing was made of it. */
const OVERSIZED = { type: -1 };

const boundedAnswer: typeof c.getSchemaResponse = {
  ...c.getSchemaResponse,
  decode(bytes, start = 0, end = bytes.length) {
    return end - start > MOST_ANSWER_BYTES ? { schema: OVERSIZED } : c.getSchemaResponse.decode(bytes, start, end);
  },
};

/** Asks any broker of the cluster where the topic is; versions are each cluster's own. */
export function createSchemas(
  pool: Pool,
  options: Pick<KnownSchemasOptions, "clock" | "log" | "signal">,
  migrations: Migrations | null = null,
): SchemaRegistry {
  const registries = new Map<Cluster | null, SchemaRegistry>();
  return {
    schema(topic, version) {
      const cluster = migrations?.of(topic) ?? null;
      let registry = registries.get(cluster);
      if (registry === undefined) {
        registry = createKnownSchemas({ ...options, ask: asking(pool, cluster) });
        registries.set(cluster, registry);
      }
      return registry.schema(topic, version);
    },
  };
}

function asking(pool: Pool, cluster: Cluster | null): AskSchema {
  return async (topic, version) => {
    const what = `asking for the schema of ${topic}`;
    let connection: Connection | null = null;
    try {
      connection = await pool.service(cluster?.hosts);
      const question = version === null ? { topic } : { topic, schemaVersion: version };
      const answer = await connection.request(what, Command.GET_SCHEMA, c.getSchema, question, boundedAnswer);
      if (answer.error === ServerError.TopicNotFound) return null;
      if (answer.error !== undefined) throw connection.refusal(what, answer.error, answer.message);
      return answer.schema === undefined ? null : infoOf(answer.schema);
    } catch (cause) {
      const error = asSourceError(cause, what);
      // Another host may have what this one lacks.
      if (connection !== null && !isSlow(error)) pool.passOver(connection);
      throw error;
    }
  };
}

function infoOf({ type = 0, data = new Uint8Array(), properties = [] }: Decoded<typeof c.schema>): SchemaInfo {
  return {
    type: TYPES[type] ?? (type === OVERSIZED.type ? "OVERSIZED" : `UNKNOWN_${type}`),
    data,
    properties: new Map(properties.map(({ key = "", value = "" }) => [key, value])),
  };
}

/** The latest schema version of `topic`, a name without a partition; null without a schema. @throws SourceError */
export async function latestSchemaVersion(pool: Pool, topic: string): Promise<Uint8Array | null> {
  const what = `asking for the schema version of ${topic}`;
  const connection = await pool.service();
  const answer = await connection.request(what, Command.GET_SCHEMA, c.getSchema, { topic }, c.getSchemaVersionResponse);
  if (answer.error === ServerError.TopicNotFound) return null;
  if (answer.error !== undefined) throw connection.refusal(what, answer.error, answer.message);
  return answer.schema === undefined ? null : (answer.schemaVersion ?? null);
}

/**
 * Registers `info` as a schema of `topic`, if it is not one yet, and tells its version. The topic must exist, and
 * `connection` be one to its broker. @throws SourceError
 */
export async function registerSchema(connection: Connection, topic: string, info: SchemaInfo): Promise<Uint8Array> {
  const what = `registering a schema of ${topic}`;
  const schema = {
    name: "",
    data: info.data,
    type: Math.max(0, TYPES.indexOf(info.type)),
    properties: [...info.properties].map(([key, value]) => ({ key, value })),
  };
  const answer = await connection.request(
    what,
    Command.GET_OR_CREATE_SCHEMA,
    c.getOrCreateSchema,
    { topic, schema },
    c.getOrCreateSchemaResponse,
  );
  if (answer.error !== undefined) throw connection.refusal(what, answer.error, answer.message);
  return answer.schemaVersion ?? new Uint8Array();
}
