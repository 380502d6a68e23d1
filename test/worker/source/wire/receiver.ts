import { afterEach } from "node:test";
import type { WireSourceOptions } from "../../../../worker/source/options.ts";
import type { Assignment, Delivery, Message, Source } from "../../../../worker/source/source.ts";
import { createWireSource } from "../../../../worker/source/wire/source.ts";
import { silentLog } from "../../../silent-log.ts";
import { until } from "../../../until.ts";
import { plainBudget } from "../plain-budget.ts";

/** A source with a handler that writes down what it is told, in order. */
export interface Receiver {
  readonly source: Source;
  readonly deliveries: Delivery[];
  readonly messages: Message[];
  readonly texts: string[];
  /** `assigned TOPIC`, `revoked TOPIC`, `deliver TOPIC` */
  readonly events: string[];
  readonly assignments: Assignment[];
  /** Bytes of the budget that are free. */
  readonly free: number;
  giveBack(bytes: number): void;
  /** Waits until `count` messages have come. */
  received(count: number): Promise<void>;
  until(what: string, condition: () => boolean): Promise<void>;
}

export type ReceiverOptions = Omit<WireSourceOptions, "budget" | "log" | "subscription"> & {
  readonly subscription?: Partial<WireSourceOptions["subscription"]>;
  readonly budgetBytes?: number;
  /** Give the budget back and acknowledge as soon as something comes. */
  readonly acknowledge?: boolean;
};

/** Starts receivers that are closed when their test ends, however it ends. `create` makes their sources. */
export function useReceivers(
  create: (options: WireSourceOptions) => Source = createWireSource,
): (options: ReceiverOptions) => Receiver {
  const open: Receiver[] = [];
  let subscriptions = 0;
  afterEach(async () => {
    await Promise.all(open.splice(0).map((receiver) => receiver.source.close()));
  });
  return (options) => {
    const receiver = startReceiver(create, options, `receiver-${++subscriptions}`);
    open.push(receiver);
    return receiver;
  };
}

function startReceiver(
  create: (options: WireSourceOptions) => Source,
  options: ReceiverOptions,
  defaultName: string,
): Receiver {
  const deliveries: Delivery[] = [];
  const messages: Message[] = [];
  const events: string[] = [];
  const assignments: Assignment[] = [];
  const budget = plainBudget(options.budgetBytes ?? 64 * 1024 * 1024);
  const { giveBack } = budget;
  const subscription = {
    name: defaultName,
    type: "Shared",
    initialPosition: "Earliest",
    ...options.subscription,
  } as const;
  const source = create({
    ...options,
    subscription,
    budget,
    log: silentLog,
  });
  source.start({
    assigned(assignment) {
      assignments.push(assignment);
      events.push(`assigned ${assignment.topic}`);
    },
    revoked: (assignment) => void events.push(`revoked ${assignment.topic}`),
    deliver(delivery) {
      deliveries.push(delivery);
      messages.push(...delivery.messages);
      events.push(`deliver ${delivery.assignment.topic}`);
      if (options.acknowledge !== true) return;
      if (subscription.type === "Shared") source.acknowledge([delivery]);
      else source.acknowledgeThrough(delivery);
      giveBack(delivery.retainedBytes);
    },
  });
  const holds = async (what: string, condition: () => boolean): Promise<void> => {
    const last = (): string => `${messages.length} messages, ${JSON.stringify(source.state())}`;
    await until(what, async () => condition(), { pollMs: 10, last });
  };
  return {
    source,
    deliveries,
    messages,
    events,
    assignments,
    get texts() {
      return messages.map((message) => Buffer.from(message.payload).toString("utf8"));
    },
    get free() {
      return budget.free;
    },
    giveBack,
    received: (count) => holds(`${count} messages have come`, () => messages.length >= count),
    until: holds,
  };
}
