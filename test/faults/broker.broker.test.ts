/** Faults of the Pulsar broker in mid-stream: it dies, restarts in order, or gives a topic away. */
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Pulsar, startPulsar } from "../env/pulsar/broker.ts";
import { MODES } from "../load/guarantee.ts";
import { play } from "./scenario.ts";

const MESSAGES = 5_000;

/** Slow enough that the broker's fault comes in the middle. */
const config = { collectionMaxCount: 50, maxConnections: 4 };
const LATENCY_MS = 60;

describe("a broker that goes away in mid-stream", () => {
  let pulsar: Pulsar;
  before(async () => {
    pulsar = await startPulsar({ log: (line) => console.error(line) });
  });
  after(async () => await pulsar.close());

  for (const mode of MODES) {
    it(`by unloading the topic five times, ${mode}`, async (t) => {
      await play(pulsar, { name: `unloaded-${mode}`, mode, keys: 200, config }, async (scenario) => {
        const { fake, traffic, admin, topic, start, untilStored, finish } = scenario;
        fake.faults.set({ latencyMs: LATENCY_MS });
        await traffic.publish(MESSAGES);
        await start();
        await untilStored(300);
        for (let times = 0; times < 5; times++) {
          await admin.unload(topic);
          await delay(500);
        }
        await finish(t);
      });
    });
  }

  const restarts = {
    stopped: () => pulsar.stop(),
    // The last one: a bookie that was killed takes no new ledgers for a while after its return.
    killed: () => pulsar.kill("SIGKILL"),
  };
  for (const [how, end] of Object.entries(restarts)) {
    // One restart serves both pipelines.
    it(`by being ${how}, and comes back`, async (t) => {
      const scenario = { keys: 200, config };
      await play(pulsar, { ...scenario, name: `${how}-ordered`, mode: "ordered" }, async (ordered) => {
        await play(pulsar, { ...scenario, name: `${how}-unordered`, mode: "unordered" }, async (unordered) => {
          for (const { fake, start, traffic } of [ordered, unordered]) {
            fake.faults.set({ latencyMs: LATENCY_MS });
            await traffic.publish(MESSAGES);
            await start();
          }
          await Promise.all([ordered.untilStored(500), unordered.untilStored(500)]);
          await end();
          await pulsar.start();
          for (const { stored } of [ordered, unordered]) t.diagnostic(`${stored()} stored when the broker was back`);
          await ordered.finish(t);
          await unordered.finish(t);
        });
      });
    });
  }
});
