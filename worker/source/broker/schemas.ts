import * as c from "../protocol/commands.ts";
import { Command, ServerError } from "../protocol/commands.ts";
import type { SchemaInfo, SchemaRegistry } from "../source.ts";
import type { Connection } from "./connection.ts";
import { asSourceError } from "./failures.ts";
import type { Pool } from "./pool.ts";
import { withoutPartition } from "./topic-name.ts";

/** A version is a number of 64 bits. What else a producer writes there names no schema. */
const VERSION_BYTES = 8;

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

/** Asks any broker of the cluster. What a version names never changes, so it is kept for ever; "the latest" is not. */
export function createSchemas(pool: Pool): SchemaRegistry {
  const known = new Map<string, Promise<SchemaInfo | null>>();

  const ask = async (topic: string, version: Uint8Array | null): Promise<SchemaInfo | null> => {
    const what = `asking for the schema of ${topic}`;
    const connection = await pool.service();
    const question = version === null ? { topic } : { topic, schemaVersion: version };
    const answer = await connection.request(what, Command.GET_SCHEMA, c.getSchema, question, c.getSchemaResponse);
    if (answer.error === ServerError.TopicNotFound) return null;
    if (answer.error !== undefined) throw connection.refusal(what, answer.error, answer.message);
    if (answer.schema === undefined) return null;
    const { type = 0, data = new Uint8Array(), properties = [] } = answer.schema;
    return {
      type: TYPES[type] ?? `UNKNOWN_${type}`,
      data,
      properties: new Map(properties.map(({ key = "", value = "" }) => [key, value])),
    };
  };

  return {
    async schema(topic, version) {
      const name = withoutPartition(topic);
      if (version === null) return await ask(name, null).catch(rethrow(name));
      // A broker that is asked for another closes the connection, and all that use it with it.
      if (version.length !== VERSION_BYTES) return null;
      const id = `${name}\n${Buffer.from(version).toString("hex")}`;
      const cached = known.get(id);
      if (cached !== undefined) return await cached;
      const asked = ask(name, version).catch(rethrow(name));
      known.set(id, asked);
      // A version that is not known yet may come later; an error is no answer.
      asked.then(
        (info) => info === null && known.delete(id),
        () => known.delete(id),
      );
      return await asked;
    },
  };
}

/** The latest schema version of `topic`, a name without a partition; null without a schema. @throws SourceError */
export async function latestSchemaVersion(pool: Pool, topic: string): Promise<Uint8Array | null> {
  const what = `asking for the schema version of ${topic}`;
  const connection = await pool.service();
  const answer = await connection.request(what, Command.GET_SCHEMA, c.getSchema, { topic }, c.getSchemaResponse);
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

function rethrow(topic: string): (error: unknown) => never {
  return (error) => {
    throw asSourceError(error, `asking for the schema of ${topic}`);
  };
}
