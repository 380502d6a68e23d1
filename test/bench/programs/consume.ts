/**
 * Prints what consuming costs: microseconds of CPU per message, user and system of all threads, without the broker's.
 *
 *     scripts/node test/bench/programs/consume.ts [--messages 500000] [--service-url pulsar://host:6650]
 *
 * Without a service URL it starts a broker of its own. Each size is consumed twice and the second run is printed, so that
 * compiling is apart.
 */
import { parseArgs } from "node:util";
import type { Delivery, Source, SubscriptionType } from "../../../worker/source/source.ts";
import { createWireSource } from "../../../worker/source/wire/source.ts";
import { startPulsar } from "../../env/pulsar/broker.ts";
import { interruption, rejection } from "../../interruption.ts";
import { silentLog } from "../../silent-log.ts";
import { plainBudget } from "../../worker/source/plain-budget.ts";
import { createPublisher, numberedMessages } from "../../worker/source/wire/publisher.ts";
import { print } from "../harness/table.ts";

const PARTITIONS = 4;
const KEYS = 10_000;
const RUN_LIMIT_MS = 120_000;
const BUDGET = 64 * 1024 * 1024;

interface Run {
  readonly topic: string;
  readonly type: SubscriptionType;
  readonly messages: number;
}

async function produce(
  serviceUrl: string,
  topic: string,
  size: number,
  batch: number,
  messages: number,
): Promise<void> {
  const publisher = createPublisher(serviceUrl);
  const perPartition = Math.ceil(messages / batch / PARTITIONS);
  await Promise.all(
    Array.from({ length: PARTITIONS }, async (_, partition) => {
      const entry = numberedMessages(batch, size, KEYS, partition * batch);
      for (let done = 0; done < perPartition; done += 20) {
        const count = Math.min(20, perPartition - done);
        await Promise.all(Array.from({ length: count }, () => publisher.batch(`${topic}-${partition}`, entry)));
      }
    }),
  );
  await publisher.close();
}

/** CPU microseconds per message, messages per second, and the largest resident set in MiB. */
async function consume(serviceUrl: string, run: Run): Promise<{ cpu: number; rate: number; rss: number }> {
  const budget = plainBudget(BUDGET);
  let received = 0;
  let waiting: Delivery[] = [];
  const done = Promise.withResolvers<void>();
  const source: Source = createWireSource({
    serviceUrl,
    topics: Array.from({ length: PARTITIONS }, (_, partition) => `${run.topic}-${partition}`),
    subscription: { name: `bench-${Date.now()}`, type: run.type, initialPosition: "Earliest" },
    budget,
    log: silentLog,
  });
  // As a pipeline does: what arrived in one turn is looked at, given back and acknowledged together.
  const settle = (): void => {
    const deliveries = waiting;
    waiting = [];
    let bytes = 0;
    for (const delivery of deliveries) {
      bytes += delivery.retainedBytes;
      if (run.type !== "Shared") source.acknowledgeThrough(delivery);
    }
    if (run.type === "Shared") source.acknowledge(deliveries);
    budget.giveBack(bytes);
  };
  let started = process.cpuUsage();
  let startedAt = performance.now();
  let checked = 0;
  let rss = 0;
  const meter = setInterval(() => {
    rss = Math.max(rss, process.memoryUsage.rss());
  }, 250);
  source.start({
    assigned: () => undefined,
    revoked: () => undefined,
    deliver(delivery) {
      if (received === 0) {
        started = process.cpuUsage();
        startedAt = performance.now();
      }
      for (const message of delivery.messages) checked += message.payload.length + (message.key?.length ?? 0);
      received += delivery.messages.length;
      if (waiting.push(delivery) === 1) setImmediate(settle);
      if (received >= run.messages) done.resolve();
    },
  });
  const timer = setTimeout(
    () => done.reject(new Error(`only ${received} messages came in ${RUN_LIMIT_MS} ms`)),
    RUN_LIMIT_MS,
  );
  try {
    await done.promise;
    const { user, system } = process.cpuUsage(started);
    const seconds = (performance.now() - startedAt) / 1_000;
    if (checked === 0) throw new Error("the messages were empty");
    return { cpu: (user + system) / received, rate: received / seconds, rss: rss / 2 ** 20 };
  } finally {
    clearTimeout(timer);
    clearInterval(meter);
    await source.close();
  }
}

async function table(): Promise<void> {
  print("client  subscription  size   batch  CPU µs/message  messages/s  RSS MiB");
  for (const [size, batch] of [
    [200, 1_000],
    [1_000, 200],
    [200, 1],
  ] as const) {
    const topic = `consume-${size}-${batch}-${Date.now()}`;
    const count = batch === 1 ? Math.min(messages, 40_000) : messages;
    await produce(serviceUrl, topic, size, batch, count);
    for (const type of ["Failover", "Shared"] as const) {
      await consume(serviceUrl, { topic, type, messages: count });
      const { cpu, rate, rss } = await consume(serviceUrl, { topic, type, messages: count });
      const columns = [type.padEnd(12), `${size} B`.padEnd(6), String(batch).padEnd(6), cpu.toFixed(2).padStart(14)];
      print(["Wire   ", ...columns, String(Math.round(rate)).padStart(11), rss.toFixed(0).padStart(8)].join(" "));
    }
  }
}

const { values } = parseArgs({
  options: { messages: { type: "string", default: "500000" }, "service-url": { type: "string" } },
});
const messages = Number(values.messages);
const interrupted = interruption();
const pulsar = values["service-url"] === undefined ? await startPulsar({ log: console.error, optimize: true }) : null;
const serviceUrl = values["service-url"] ?? pulsar?.serviceUrl ?? "";
try {
  await Promise.race([table(), rejection(interrupted)]);
} finally {
  await pulsar?.close();
}
process.exit();
