/** Topics of a broker as the pipelines see them: entries, subscriptions, assignments, redelivery from the mark. */
import {
  type Assignment,
  type DeadLetter,
  type Delivery,
  type Entry,
  LEASE_MS,
  type Message,
  type ReceiveBudget,
  type Source,
  SourceError,
  type SourceHandler,
} from "../../../../worker/source/source.ts";
import type { VirtualClock } from "../../../clock.ts";
import type { ModelProcess } from "./process.ts";
import type { Random } from "./random.ts";

/** A ping is answered so soon. */
const PING_ANSWERED_MS = 20;

export interface ModelMessage {
  readonly topic: string;
  readonly key: string;
  /** 1, 2, 3, … within topic and key. */
  readonly number: number;
  readonly id: string;
  readonly text: string;
}

interface ModelEntry {
  readonly messages: readonly Message[];
  readonly model: readonly ModelMessage[];
}

interface ModelPartition {
  readonly topic: string;
  readonly log: ModelEntry[];
  /** Entries below are acknowledged. */
  mark: number;
  /** Acknowledged one by one. */
  readonly acknowledged: Set<number>;
  readonly delivered: Set<number>;
  /** Entries that a consumer holds. */
  readonly outstanding: Map<number, Consumer>;
}

interface Consumer {
  readonly partition: ModelPartition;
  readonly assignment: Assignment & { active: boolean };
  readonly worker: ModelWorker;
  cursor: number;
  scheduled: boolean;
  /** When its worker learns that it ended. */
  newsAt: number;
}

export interface ModelWorker {
  readonly name: string;
  readonly handler: SourceHandler;
  readonly budget: ReceiveBudget;
  alive: boolean;
  stopped: boolean;
  /** Its pings leave so long after each full second. */
  readonly pingOffset: number;
  /** Since when it hears nothing of the broker; null while it does. */
  cutAt: number | null;
  readonly process: ModelProcess;
}

export interface ModelBroker {
  readonly produced: readonly ModelMessage[];
  readonly deadLetters: readonly DeadLetter[];
  readonly topics: readonly string[];
  /** Probability that a dead letter is refused. */
  deadLetterFails: number;
  produce(topic: string, keys: readonly string[]): readonly ModelMessage[];
  sourceOf(name: string, budget: ReceiveBudget, process: ModelProcess): Source & { readonly worker: () => ModelWorker };
  /**
   * Failover: gives the topic-partition to a worker; the former owner learns of it `noticeMs` later, or, where that is
   * negative, so long before.
   */
  handOver(topic: string, worker: ModelWorker, noticeMs: number): void;
  /** Takes the topic-partition from every worker, and gives it back to them a moment later. */
  unload(topic: string): void;
  /**
   * The worker hears nothing of the broker, and is not heard, for `forMs`. Its topic-partitions go to others `movesAfterMs`
   * later, which it learns when it hears again, or `noticeMs` later; never, if it is heard again before.
   */
  cutOff(
    worker: ModelWorker,
    others: () => ModelWorker | undefined,
    times: { readonly forMs: number; readonly movesAfterMs: number; readonly noticeMs: number },
  ): void;
  crash(worker: ModelWorker): void;
  /** Gives topics without a consumer to one of the workers (Failover), or to each of them (Shared). */
  rebalance(workers: readonly ModelWorker[]): void;
  ownerOf(topic: string): ModelWorker | undefined;
  /** Entries not acknowledged. */
  backlog(): number;
}

export function createModelBroker(options: {
  clock: VirtualClock;
  random: Random;
  shared: boolean;
  topics: readonly string[];
  /** Called with each message that an acknowledgement covers for the first time. */
  onAcknowledged: (message: ModelMessage) => void;
  /** Called with the id of a message that is read after its delivery was released. */
  onReadTooLate: (id: string) => void;
  note: (event: string) => void;
  /** Called with each thing that goes wrong. */
  met: (what: string) => void;
}): ModelBroker {
  const { clock, random, shared, topics, onAcknowledged, onReadTooLate, note, met } = options;
  const partitions = new Map<string, ModelPartition>(
    topics.map((topic) => [
      topic,
      { topic, log: [], mark: 0, acknowledged: new Set(), delivered: new Set(), outstanding: new Map() },
    ]),
  );
  const consumers = new Set<Consumer>();
  /** Ended, and the worker does not know it yet. */
  const unaware = new Set<Consumer>();
  const numbers = new Map<string, number>();
  const produced: ModelMessage[] = [];
  const deadLetters: DeadLetter[] = [];
  const positions = new WeakMap<Delivery, { consumer: Consumer; index: number }>();
  let epoch = 0;

  function subscribe(partition: ModelPartition, worker: ModelWorker): Consumer {
    for (const stale of unaware) {
      if (stale.worker === worker && stale.partition === partition) notify(stale);
    }
    epoch += 1;
    note(`${partition.topic} from entry ${partition.mark} to ${worker.name}, epoch ${epoch}`);
    let endedAt: number | null = null;
    const consumer: Consumer = {
      partition,
      worker,
      cursor: partition.mark,
      scheduled: false,
      newsAt: Number.POSITIVE_INFINITY,
      assignment: {
        topic: partition.topic,
        epoch,
        get active() {
          return endedAt === null;
        },
        set active(_false) {
          endedAt ??= answeredAt(worker);
        },
        get answeredAt() {
          return endedAt ?? answeredAt(worker);
        },
      },
    };
    consumers.add(consumer);
    worker.process.run(() => {
      if (consumer.assignment.active && worker.alive) worker.handler.assigned(consumer.assignment);
    });
    wake(consumer);
    return consumer;
  }

  /** When the last ping was sent that was answered: one leaves each second, and the answer takes a moment. */
  function answeredAt({ pingOffset, cutAt, process }: ModelWorker): number {
    const answeredBy = (by: number): number =>
      Math.floor((by - PING_ANSWERED_MS - pingOffset) / 1_000) * 1_000 + pingOffset;
    const { stall } = process;
    const last = answeredBy(Math.min(cutAt ?? Number.POSITIVE_INFINITY, clock.now()));
    // While it stood still it neither asked nor heard.
    return stall !== null && last >= stall.from - PING_ANSWERED_MS && last < stall.to ? answeredBy(stall.from) : last;
  }

  /** Looks a moment later whether there is something to hand on. */
  function wake(consumer: Consumer): void {
    if (consumer.scheduled || !consumers.has(consumer)) return;
    consumer.scheduled = true;
    clock.timer(random.next() * 5, () =>
      consumer.worker.process.run(() => {
        consumer.scheduled = false;
        push(consumer);
      }),
    );
  }

  /** Hands on an entry if the budget and the assignment allow. */
  function push(consumer: Consumer): void {
    const { partition, worker, assignment } = consumer;
    if (!consumers.has(consumer) || !worker.alive || worker.stopped || worker.cutAt !== null) return;
    const index = next(consumer);
    const entry = partition.log[index];
    if (entry === undefined || worker.budget.free <= 0) return;
    consumer.cursor = index + 1;
    if (partition.delivered.has(index)) met("a redelivery");
    partition.delivered.add(index);
    partition.outstanding.set(index, consumer);
    const retainedBytes = entry.messages.reduce((sum, { payload }) => sum + payload.byteLength + 100, 0);
    const lent = lend(entry.messages, onReadTooLate);
    const delivery = {
      ...{ assignment, ...lent, retainedBytes, redeliveryCount: 0 },
      letGo: () => {
        delivery.messages = [];
      },
    };
    positions.set(delivery, { consumer, index });
    worker.budget.shareOf(assignment).take(retainedBytes);
    worker.handler.deliver(delivery);
    wake(consumer);
  }

  /** Failover: the next entry. Shared: the first one that nobody has. */
  function next({ partition, cursor }: Consumer): number {
    let index = shared ? partition.mark : cursor;
    while (partition.acknowledged.has(index) || (shared && partition.outstanding.has(index))) index += 1;
    return index;
  }

  /** The worker learns that its assignment ended. */
  function notify(consumer: Consumer): void {
    unaware.delete(consumer);
    if (!consumer.assignment.active) return;
    consumer.worker.process.run(() => {
      if (!consumer.assignment.active) return;
      note(`${consumer.worker.name} learns that ${consumer.partition.topic} epoch ${consumer.assignment.epoch} ended`);
      consumer.assignment.active = false;
      if (consumer.worker.alive) consumer.worker.handler.revoked(consumer.assignment);
    });
  }

  function end(consumer: Consumer, noticeMs: number): void {
    if (!consumers.delete(consumer)) return;
    consumer.newsAt = clock.now() + noticeMs;
    if (noticeMs <= 0 || !consumer.worker.alive) notify(consumer);
    else {
      unaware.add(consumer);
      clock.timer(noticeMs, () => notify(consumer));
    }
    for (const [index, holder] of consumer.partition.outstanding) {
      if (holder === consumer) consumer.partition.outstanding.delete(index);
    }
    for (const peer of consumers) if (peer.partition === consumer.partition) wake(peer);
  }

  function acknowledge(partition: ModelPartition, index: number): void {
    if (index < partition.mark || partition.acknowledged.has(index)) return;
    partition.acknowledged.add(index);
    note(`${partition.topic} entry ${index} is acknowledged`);
    for (const message of partition.log[index]?.model ?? []) onAcknowledged(message);
    while (partition.acknowledged.delete(partition.mark)) partition.mark += 1;
  }

  function sourceOf(
    name: string,
    budget: ReceiveBudget,
    process: ModelProcess,
  ): Source & { readonly worker: () => ModelWorker } {
    let worker: ModelWorker | null = null;
    const self = (): ModelWorker => {
      if (worker === null) throw new Error("not started");
      return worker;
    };
    const settle = (delivery: Delivery, cumulative: boolean): void => {
      const position = positions.get(delivery);
      if (position === undefined) throw new Error("acknowledged what was not delivered");
      const { consumer, index } = position;
      if (!consumer.assignment.active) return;
      // On its way to the broker; lost when the assignment ends first.
      clock.timer(random.next() * 10, () => {
        if (!consumers.has(consumer) || consumer.worker.cutAt !== null) return;
        const from = cumulative ? consumer.partition.mark : index;
        for (let each = from; each <= index; each += 1) acknowledge(consumer.partition, each);
      });
    };
    return {
      worker: self,
      client: "Wire",
      schemas: { schema: async () => null },
      start: (handler) => {
        budget.onRelease(() => {
          for (const consumer of consumers) if (consumer.worker === worker) wake(consumer);
        });
        const pingOffset = random.next() * 1_000;
        worker = { name, handler, budget, alive: true, stopped: false, pingOffset, cutAt: null, process };
      },
      state: () =>
        ({ connected: true, failure: null, partitions: 0, activePartitions: 0, endedPartitions: 0 }) as never,
      acknowledge: (deliveries) => {
        if (!shared) throw new Error("single acknowledgement on a Failover subscription");
        for (const delivery of deliveries) settle(delivery, false);
      },
      acknowledgeThrough: (delivery) => {
        if (shared) throw new Error("cumulative acknowledgement on a Shared subscription");
        settle(delivery, true);
      },
      shrink: (delivery, messages) => {
        const shrunk = { ...delivery, messages };
        const position = positions.get(delivery);
        if (position !== undefined) positions.set(shrunk, position);
        return shrunk;
      },
      rewind: (assignment, delayMs) => {
        const consumer = [...consumers].find((each) => each.assignment === assignment);
        if (consumer === undefined) return;
        end(consumer, 0);
        clock.timer(delayMs, () => {
          if (self().alive && broker.ownerOf(assignment.topic) === undefined) subscribe(consumer.partition, self());
        });
      },
      stop: () => {
        self().stopped = true;
      },
      flush: async (signal) => clock.sleep(20, signal),
      publish: async (_topic, letter) => {
        await clock.sleep(random.next() * 50);
        if (random.chance(broker.deadLetterFails)) {
          met("a dead letter without a receipt");
          throw new SourceError("BrokerUnreachable", "no receipt");
        }
        const payload = Uint8Array.from(letter.message.payload);
        deadLetters.push({ ...letter, message: { ...letter.message, payload } });
      },
      close: async () => {},
    };
  }

  const broker: ModelBroker = {
    produced,
    deadLetters,
    topics,
    deadLetterFails: 0,
    produce: (topic, keys) => {
      const partition = partitions.get(topic) as ModelPartition;
      const model = keys.map((key, index) => {
        const name = `${topic}|${key}`;
        const number = (numbers.get(name) ?? 0) + 1;
        numbers.set(name, number);
        return { topic, key, number, id: `1:${partition.log.length}:0:${index}`, text: `${topic}|${key}|${number}` };
      });
      partition.log.push({ model, messages: model.map((message) => messageOf(message, clock.wall())) });
      produced.push(...model);
      for (const consumer of consumers) if (consumer.partition === partition) wake(consumer);
      return model;
    },
    sourceOf,
    handOver: (topic, worker, noticeMs) => {
      const partition = partitions.get(topic) as ModelPartition;
      for (const consumer of [...consumers]) {
        if (shared || consumer.partition !== partition) continue;
        met("a hand-over");
        end(consumer, Math.max(0, noticeMs));
      }
      if (noticeMs >= 0) subscribe(partition, worker);
      else {
        clock.timer(-noticeMs, () => {
          if (worker.alive && broker.ownerOf(topic) === undefined) subscribe(partition, worker);
        });
      }
    },
    unload: (topic) => {
      note(`${topic} is unloaded`);
      met("an unloaded topic");
      for (const consumer of [...consumers]) {
        if (consumer.partition.topic !== topic) continue;
        end(consumer, 0);
        clock.timer(random.next() * 100, () => {
          const isTaken = !shared && broker.ownerOf(topic) !== undefined;
          if (consumer.worker.alive && !isTaken) subscribe(consumer.partition, consumer.worker);
        });
      }
    },
    cutOff: (worker, others, { forMs, movesAfterMs, noticeMs }) => {
      if (worker.cutAt !== null) return;
      const lost = [...consumers].filter((consumer) => consumer.worker === worker);
      note(`${worker.name} is cut off from the broker for ${(forMs / 1000).toFixed(3)} s`);
      if (lost.length > 0) met(forMs < LEASE_MS ? "a cut shorter than a lease" : "a worker that is cut off");
      const mendsAt = clock.now() + forMs;
      worker.cutAt = clock.now();
      clock.timer(forMs, () => {
        for (const stale of unaware) if (stale.worker === worker && stale.newsAt <= clock.now()) notify(stale);
        worker.cutAt = null;
        for (const consumer of consumers) if (consumer.worker === worker) wake(consumer);
      });
      clock.timer(movesAfterMs, () => {
        for (const consumer of lost) {
          if (!consumers.has(consumer)) continue;
          // The news lie before all answers that come when the cut has ended.
          end(consumer, Math.max(mendsAt - clock.now(), noticeMs));
          const heir = others();
          if (heir !== undefined) subscribe(consumer.partition, heir);
          else {
            clock.timer(forMs + 1, () => {
              if (worker.alive && broker.ownerOf(consumer.partition.topic) === undefined)
                subscribe(consumer.partition, worker);
            });
          }
        }
      });
    },
    crash: (worker) => {
      worker.alive = false;
      for (const consumer of [...consumers]) if (consumer.worker === worker) end(consumer, 0);
    },
    rebalance: (workers) => {
      for (const partition of partitions.values()) {
        const owners = [...consumers]
          .filter((consumer) => consumer.partition === partition)
          .map(({ worker }) => worker);
        const heirs = shared ? workers : owners.length > 0 ? [] : [workers[random.integer(0, workers.length - 1)]];
        for (const heir of heirs) if (heir !== undefined && !owners.includes(heir)) subscribe(partition, heir);
      }
    },
    ownerOf: (topic) => [...consumers].find(({ partition }) => partition.topic === topic)?.worker,
    backlog: () =>
      [...partitions.values()].reduce(
        (sum, { log, mark, acknowledged }) => sum + log.length - mark - acknowledged.size,
        0,
      ),
  };
  return broker;
}

/** The messages of an entry for as long as their delivery is not released. */
function lend(
  messages: readonly Message[],
  onReadTooLate: (id: string) => void,
): Pick<Delivery, "messages" | "release"> {
  let released = false;
  const lent = messages.map((message) => ({
    ...message,
    get payload() {
      if (released) onReadTooLate(message.id);
      return message.payload;
    },
  }));
  const release = (): void => {
    released = true;
  };
  return { messages: lent, release };
}

function messageOf({ text, key, id }: ModelMessage, publishTime: number): Message {
  const entry: Entry = { publishTime, producerName: "p", schemaVersion: null, encryption: null, defect: null };
  const payload = new TextEncoder().encode(text);
  return {
    entry,
    id,
    payload,
    payloadBytes: payload.length,
    key,
    keyIsBase64: false,
    orderingKey: null,
    properties: new Map(),
    eventTime: null,
    isNull: false,
  };
}
