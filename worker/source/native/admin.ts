import { errorText } from "../../../runtime/error-text.ts";
import { withoutPartition } from "../broker/topic-name.ts";
import type { NativeAdmin } from "../options.ts";
import { type SchemaRegistry, SourceError } from "../source.ts";
import type { NativeEntry } from "./entry.ts";

const TIMEOUT_MS = 5_000;
const VERSION_HEADER = "x-pulsar-base64-schema-version";
/** Entries asked for at once. */
const AT_ONCE = 8;

/** `persistent://tenant/namespace/topic` → `/admin/v2/persistent/tenant/namespace/topic`. */
function topicPath(topic: string): string {
  const [domain = "", rest = ""] = topic.split("://", 2);
  const [tenant = "", namespace = "", ...name] = rest.split("/");
  return `/admin/v2/${[domain, tenant, namespace, name.join("/")].map(encodeURIComponent).join("/")}`;
}

/** Asks the statistics of a topic which consumer of a Failover subscription is the active one. */
export function createActiveCheck(admin: NativeAdmin, subscription: string, consumerName: string) {
  return async (topic: string, signal: AbortSignal): Promise<boolean> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const answer = (await admin.get(`${topicPath(topic)}/stats`, limit)) as {
      subscriptions?: Readonly<Record<string, { activeConsumerName?: unknown }>>;
    } | null;
    return answer?.subscriptions?.[subscription]?.activeConsumerName === consumerName;
  };
}

export interface SchemaVersions {
  /** Sets the schema version of each entry. @throws SourceError when it cannot be known now */
  assign(topic: string, entries: readonly NativeEntry[], signal: AbortSignal): Promise<void>;
}

/**
 * The schema versions of entries. A topic without a schema has none, with one version (0, the first) that is it; only
 * where there are more is each entry asked for at the admin REST API.
 */
export function createSchemaVersions(options: {
  /** The topic's latest version as of now; null without a schema. */
  readonly latest: (topic: string) => Promise<Uint8Array | null>;
  readonly schemas: SchemaRegistry;
  readonly admin: NativeAdmin | null;
}): SchemaVersions {
  const { schemas, admin } = options;
  const latest = shared(options.latest);

  const ask = async (topic: string, entry: NativeEntry, signal: AbortSignal): Promise<Uint8Array | null> => {
    if (admin === null) {
      throw new SourceError(
        "AdminUrlMissing",
        `${withoutPartition(topic)} has several schema versions, and pulsar-client does not tell which one a message was written with: set spec.pulsar.adminUrl, or spec.pulsar.client to Wire`,
      );
    }
    const path = `${topicPath(topic)}/ledger/${entry.position.ledger}/entry/${entry.position.entry}`;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      const version = await admin.header(path, VERSION_HEADER, limit);
      return version === null ? null : Buffer.from(version, "base64");
    } catch (error) {
      const reason = errorText(error);
      throw new SourceError("BrokerNotReady", `asking for a schema version: ${reason}; it is tried again`);
    }
  };

  const set = async (topic: string, entry: NativeEntry, version: Uint8Array | null): Promise<void> => {
    entry.schemaVersion = version;
    if (version === null) return;
    const schema = await schemas.schema(topic, version);
    entry.keysAreBase64 = schema?.type === "KEY_VALUE" && schema.properties.get("kv.encoding.type") === "SEPARATED";
  };

  return {
    async assign(topic, entries, signal) {
      const version = await latest(withoutPartition(topic));
      const only = version === null || isFirst(version);
      const left = entries.values();
      const next = async (): Promise<void> => {
        for (const entry of left) await set(topic, entry, only ? version : await ask(topic, entry, signal));
      };
      await Promise.all(Array.from({ length: only ? 1 : AT_ONCE }, next));
    },
  };
}

function isFirst(version: Uint8Array): boolean {
  return version.every((byte) => byte === 0);
}

/**
 * Calls of one topic share a request, but only one that is sent after the call: a message may have come with a schema
 * that was registered a moment ago.
 */
function shared<T>(ask: (topic: string) => Promise<T>): (topic: string) => Promise<T> {
  const running = new Map<string, Promise<unknown>>();
  const waiting = new Map<string, Promise<T>>();
  const begin = (topic: string): Promise<T> => {
    const request = ask(topic);
    const settled = request.then(
      () => undefined,
      () => undefined,
    );
    running.set(topic, settled);
    void settled.then(() => running.get(topic) === settled && running.delete(topic));
    return request;
  };
  return (topic) => {
    const current = running.get(topic);
    if (current === undefined) return begin(topic);
    const known = waiting.get(topic);
    if (known !== undefined) return known;
    const next = current.then(() => {
      waiting.delete(topic);
      return begin(topic);
    });
    waiting.set(topic, next);
    return next;
  };
}
