/** Workers that die, come and go. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pulsar, startPulsar } from "../env/pulsar/broker.ts";
import { MODES } from "../load/guarantee.ts";
import { until } from "../until.ts";
import { play } from "./scenario.ts";

const KILLS = 10;
const HAND_OVERS = 3;

/** Small requests and short waits: every life of a worker writes something and dies with requests on their way. */
const config = { collectionMaxCount: 50, maxConnections: 4, requestTimeout: 300 };
const LATENCY_MS = 60;

describe("workers that die, come and go", { concurrency: true }, () => {
  let pulsar: Pulsar;
  before(async () => {
    pulsar = await startPulsar({ log: (line) => console.error(line) });
  });
  after(async () => await pulsar.close());

  for (const mode of MODES) {
    it(`a worker killed ten times loses nothing, ${mode}`, async (t) => {
      await play(pulsar, { name: `killed-${mode}`, mode, keys: 200, config }, async (scenario) => {
        const { fake, traffic, start, stored, untilStored, finish } = scenario;
        fake.faults.set({ latencyMs: LATENCY_MS });
        for (let kills = 0; kills < KILLS; kills++) {
          await traffic.publish(1_000);
          const before = stored();
          const worker = await start();
          await untilStored(before + 200);
          await worker.kill();
        }
        await start();
        const { duplicates } = await finish(t);
        t.diagnostic(`${duplicates / KILLS} duplicates per kill`);
      });
    });

    it(`replicas that join and leave under load lose nothing, ${mode}`, async (t) => {
      await play(pulsar, { name: `replicas-${mode}`, mode, keys: 200, config }, async (scenario) => {
        const { fake, traffic, start, stored, untilStored, finish } = scenario;
        fake.faults.set({ latencyMs: LATENCY_MS });
        let resident = await start();
        for (let times = 0; times < HAND_OVERS; times++) {
          // The resident may be done with them before they are all published.
          const before = stored();
          await traffic.publish(2_000);
          await untilStored(before + 200);
          const joining = await start();
          const takesPart = async () => /^\S+ +Running /m.test(joining.output());
          await until("the joining worker takes part", takesPart, { last: joining.output });
          assert.equal(await resident.stop(), 0, resident.output());
          resident = joining;
        }
        await finish(t);
      });
    });
  }
});
