import { after, before } from "node:test";
import { type Pulsar, startPulsar } from "../../../env/pulsar/broker.ts";
import type { PulsarOptions } from "../../../env/pulsar/prepare.ts";
import { until } from "../../../until.ts";

export interface BrokerFixture {
  readonly pulsar: Pulsar;
  /** Calls the admin REST API; `body` goes as JSON. Throws when the answer is no success. */
  admin(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Waits until the broker stored what it confirmed: stopped before, it forgets. `topic` without partitions. */
  stored(topic: string, subscription: string): Promise<void>;
  /** A topic name that no other test has. */
  topic(): string;
}

interface Cursor {
  readonly state: string;
  readonly cursorLedgerLastEntry: number;
}

/** One broker for all tests of a file. */
export function useBroker(options: Omit<PulsarOptions, "log"> = {}): BrokerFixture {
  let pulsar: Pulsar | null = null;
  let topics = 0;
  const running = (): Pulsar => {
    if (pulsar === null) throw new Error("the broker runs within tests only");
    return pulsar;
  };
  before(async () => {
    pulsar = await startPulsar({ log: () => undefined, ...options });
  });
  after(async () => {
    await pulsar?.close();
  });
  const admin: BrokerFixture["admin"] = async (method, path, body) => {
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (options.auth !== undefined) headers["authorization"] = `Bearer ${running().token("admin")}`;
    const response = await fetch(`${running().adminUrl}/admin/v2/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  };
  return {
    get pulsar() {
      return running();
    },
    admin,
    stored: async (topic, subscription) => {
      const path = `${topic.replace("://", "/")}/internalStats`;
      await until(`the broker stored the place of ${subscription}`, async () => {
        const { cursors } = (await admin("GET", path)) as { cursors: Readonly<Record<string, Cursor>> };
        const cursor = cursors[subscription];
        return cursor?.state === "Open" && cursor.cursorLedgerLastEntry >= 0;
      });
    },
    topic: () => `persistent://public/default/t${++topics}`,
  };
}
