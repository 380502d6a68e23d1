import { after, before } from "node:test";
import { type Pulsar, startPulsar } from "../../../env/pulsar/broker.ts";
import type { PulsarOptions } from "../../../env/pulsar/prepare.ts";

export interface BrokerFixture {
  readonly pulsar: Pulsar;
  /** Calls the admin REST API; `body` goes as JSON. Throws when the answer is no success. */
  admin(method: string, path: string, body?: unknown): Promise<unknown>;
  /** A topic name that no other test has. */
  topic(): string;
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
  return {
    get pulsar() {
      return running();
    },
    async admin(method, path, body) {
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
    },
    topic: () => `persistent://public/default/t${++topics}`,
  };
}
