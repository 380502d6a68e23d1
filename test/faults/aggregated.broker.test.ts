/** Aggregates through every kind of trouble at once: failing records and requests, cut answers, resharding, killed workers. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Pulsar, startPulsar } from "../env/pulsar/broker.ts";
import { readStream } from "../fakes/read-stream.ts";
import { MODES } from "../load/guarantee.ts";
import { halveShard } from "../load/halve-shard.ts";
import { play } from "./scenario.ts";

const WAVES = 30;
const WAVE = 400;
const WAVE_MS = 300;
const KILLS = [8, 18];
const SPLIT = 13;
const REFUSED = { kind: "reject", code: "InternalFailure", status: 500 } as const;

describe("aggregates", { concurrency: true }, () => {
  let pulsar: Pulsar;
  before(async () => {
    pulsar = await startPulsar({ log: (line) => console.error(line) });
  });
  after(async () => await pulsar.close());

  for (const mode of MODES) {
    it(`lose nothing while the endpoint fails, a shard splits and workers are killed, ${mode}`, async (t) => {
      const options = { name: `aggregated-${mode}`, mode, shards: 2, config: { aggregationEnabled: true } };
      await play(pulsar, options, async ({ fake, traffic, start, finish }) => {
        fake.faults.set({
          latencyMs: 30,
          recordFailure: { probability: 0.2, code: "InternalFailure" },
          random: [
            { probability: 0.05, fault: REFUSED },
            { probability: 0.03, fault: { kind: "cut", executed: true } },
          ],
        });
        let worker = await start();
        for (let wave = 0; wave < WAVES; wave++) {
          await traffic.publish(WAVE);
          await delay(WAVE_MS);
          if (KILLS.includes(wave)) {
            await worker.kill();
            worker = await start();
          }
          if (wave === SPLIT) await halveShard(fake.url, options.name, fake.stream(options.name).shards[0]);
        }
        await finish(t);
        const { kinesisRecords, records } = await readStream(fake.url, options.name);
        t.diagnostic(`${records.length} messages read in ${kinesisRecords} records`);
        assert.ok(kinesisRecords < records.length / 2, "most messages went in aggregates");
      });
    });
  }
});
