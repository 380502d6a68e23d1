/**
 * From Pulsar's Java sink to a worker and back, on one subscription and in mid-stream: the change that
 * docs/migrating.md describes. `scripts/node test/bench/programs/takeover.ts` prints what it found; it needs Maven,
 * which fetches the Java sink.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Pulsar, startPulsar } from "../../env/pulsar/broker.ts";
import { readStream, type UserRecord } from "../../fakes/read-stream.ts";
import { play } from "../../faults/scenario.ts";
import { startFlow } from "../../load/flow.ts";
import { MODES, type Mode } from "../../load/guarantee.ts";
import { numbered } from "../../load/traffic.ts";
import { until } from "../../until.ts";
import { print } from "../harness/table.ts";
import { javaSinkClassPath } from "../java-sink/install.ts";
import { startJavaSink } from "../java-sink/start.ts";

const MESSAGES_PER_SECOND = 2_000;
/** Messages that are written before the next one takes over. */
const TURN = 5_000;
const KEYS = 1_000;

const log = (line: string): void => console.error(line);
const limit = AbortSignal.timeout(900_000);
const classPath = await javaSinkClassPath(log, limit);
const folder = await mkdtemp(join(tmpdir(), "takeover-"));
const pulsar = await startPulsar({ log });
try {
  for (const mode of MODES) await takeOver(pulsar, mode);
} finally {
  await pulsar.close();
  await rm(folder, { recursive: true });
}

async function takeOver(broker: Pulsar, mode: Mode): Promise<void> {
  const { serviceUrl } = broker;
  const name = `takeover-${mode}`;
  const ordered = mode === "ordered";
  const options = { name, mode, keys: KEYS, tls: true, config: { aggregationEnabled: true } };
  await play(broker, options, async ({ topic, fake, traffic, start, check }) => {
    const read = () => readStream(fake.url, name);
    // Which a sink has that names none.
    const subscription = `default.${name}`;
    const java = (phase: string) =>
      startJavaSink({
        ...{ name: `${name}-${phase}`, classPath, folder, serviceUrl, topic, subscription, ordered },
        ...{ endpoint: fake.tlsUrl, stream: name, aggregation: true, signal: limit },
      });
    let content = await read();
    const underWay = async (writer: string): Promise<void> => {
      const before = content.records.length;
      await until(`${writer} is under way`, async () => (await read()).records.length > before + TURN);
    };
    /** Lets the writer write for a while and stops it; returns what it wrote, each shard's in order. */
    const turn = async (who: string, writer: { stop(): Promise<unknown> }): Promise<UserRecord[]> => {
      const { byShard } = content;
      await underWay(who);
      await writer.stop();
      content = await read();
      return [...content.byShard].flatMap(([shardId, records]) => records.slice(byShard.get(shardId)?.length ?? 0));
    };
    const flow = startFlow(traffic, { wave: MESSAGES_PER_SECOND / 20, pauseMs: 50 });
    const byJava = await turn("the Java sink", await java("first"));
    const byWorker = await turn("the worker", await start());
    const last = await java("last");
    await underWay("the Java sink");
    await flow.stop();
    const { missing, unknown, inversions, duplicates } = await check();
    await last.stop();
    const shards = new Map<string, Set<string>>();
    for (const { partitionKey, shardId } of (await read()).records) {
      shards.set(partitionKey, (shards.get(partitionKey) ?? new Set()).add(shardId));
    }
    const moved = [...shards.values()].filter(({ size }) => size > 1).length;
    print(
      `${mode}: ${traffic.produced.length} messages; ${byJava.length} written by the Java sink, ${byWorker.length} by a ` +
        `worker, the rest by the Java sink; ${missing.length} lost, ${unknown.length} never produced, ${duplicates} ` +
        `repeated; ${inversions.length} inversions, ${skips(byWorker)} of them within the worker's turn; ${moved} of ` +
        `${shards.size} keys in more than one shard`,
    );
  });
}

/** Numbers of a key that are more than one above the one before. */
function skips(records: readonly UserRecord[]): number {
  const last = new Map<string, number>();
  let count = 0;
  for (const { number, key, topicPartition } of records.map(numbered)) {
    const sequence = `${topicPartition} ${key}`;
    if (number > (last.get(sequence) ?? number) + 1) count += 1;
    last.set(sequence, number);
  }
  return count;
}
