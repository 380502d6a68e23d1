import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createNativeSource } from "../../../worker/source/native.ts";
import { loadNativeClient } from "../../../worker/source/native-client.ts";
import type { Message, Source } from "../../../worker/source/source.ts";
import { createWireSource, type WireSourceOptions } from "../../../worker/source/wire/wire.ts";
import { useBroker } from "./wire/broker-fixture.ts";
import { createPublisher, numberedMessages } from "./wire/publisher.ts";
import { silentLog } from "./wire/silent-log.ts";

const missing = await loadNativeClient().then(
  () => null,
  (error: unknown) => (error instanceof Error ? error.message : "pulsar-client is not installed"),
);

if (missing !== null) test("the native source agrees with the wire source", { skip: missing }, () => undefined);
else {
  describe("the native source", { timeout: 900_000 }, () => {
    const broker = useBroker();

    test("agrees with the wire source, message by message", async () => {
      const topic = broker.topic();
      const publisher = createPublisher(broker.pulsar.serviceUrl);
      await publisher.batch(topic, numberedMessages(100, 50, 10), {}, "LZ4");
      await publisher.single(topic, Buffer.from("single"), {
        partitionKey: "k",
        properties: [{ key: "a", value: "b" }],
      });
      await publisher.close();
      const read = async (name: string, create: (options: WireSourceOptions) => Source | Promise<Source>) => {
        const messages: Message[] = [];
        const { promise, resolve } = Promise.withResolvers<void>();
        const source = await create({
          serviceUrl: broker.pulsar.serviceUrl,
          topics: [topic],
          subscription: { name, type: "Exclusive", initialPosition: "Earliest" },
          budget: { free: 1e8, take: () => undefined, onRelease: () => undefined },
          log: silentLog,
        });
        source.start({
          assigned: () => undefined,
          revoked: () => undefined,
          deliver(delivery) {
            messages.push(...delivery.messages);
            if (messages.length === 101) resolve();
          },
        });
        await promise;
        await source.close();
        return messages.map(({ id, key, payload, properties, eventTime }) => [
          id,
          key,
          String(payload),
          [...properties],
          eventTime,
        ]);
      };
      assert.deepEqual(await read("native", createNativeSource), await read("wire", createWireSource));
    });
  });
}
