import type { NativeConsumer, NativeMessage, NativeModule } from "../../../../worker/source/native/client.ts";

/** A message as pulsar-client hands it out; a batch has an index and a size, others have neither. */
export function nativeMessage(
  entry: number,
  batch: { readonly index: number; readonly size: number } | null = null,
  parts: Partial<NativeMessage> = {},
): NativeMessage {
  const text = `(5,${entry},0,${batch?.index ?? -1})`;
  return {
    getProperties: () => ({}),
    getData: () => Buffer.from(`m${entry}${batch === null ? "" : `.${batch.index}`}`),
    getMessageId: () => ({
      toString: () => text,
      // MessageIdData with the size of the batch.
      serialize: () => (batch === null ? Buffer.alloc(0) : Buffer.from([0x30, batch.size])),
    }),
    getPublishTimestamp: () => 7,
    getEventTimestamp: () => 0,
    getRedeliveryCount: () => 2,
    getPartitionKey: () => "",
    getOrderingKey: () => "",
    getProducerName: () => "p",
    getEncryptionContext: () => null,
    ...parts,
  };
}

/** The messages `from` to `to`, exclusive, of a batch. */
export function batchPart(entry: number, size: number, from: number, to: number): NativeMessage[] {
  return Array.from({ length: to - from }, (_, offset) => nativeMessage(entry, { index: from + offset, size }));
}

/** A consumer that hands out batches as the test gives them, and writes down what it is told. */
export interface ScriptedConsumer extends NativeConsumer {
  readonly calls: string[];
  connected: boolean;
  give(...messages: NativeMessage[]): void;
}

export function scriptedConsumer(calls: string[] = []): ScriptedConsumer {
  let waiting: PromiseWithResolvers<NativeMessage[]> | null = null;
  let closed = false;
  const given: NativeMessage[][] = [];
  return {
    calls,
    connected: true,
    give(...messages) {
      if (waiting === null) given.push(messages);
      else waiting.resolve(messages);
      waiting = null;
    },
    batchReceive() {
      const next = given.shift();
      if (next !== undefined) return Promise.resolve(next);
      if (closed) return Promise.reject(new Error("Failed to batch receive message: AlreadyClosed"));
      waiting = Promise.withResolvers();
      return waiting.promise;
    },
    acknowledgeId: async (id) => void calls.push(`acknowledge ${id}`),
    acknowledgeCumulativeId: async (id) => void calls.push(`acknowledge through ${id}`),
    isConnected() {
      return this.connected;
    },
    async close() {
      if (closed) return;
      closed = true;
      calls.push("close");
      waiting?.reject(new Error("Failed to batch receive message: AlreadyClosed"));
    },
  };
}

/** Message ids that it makes show their bytes. */
export const scriptedMessageIds: NativeModule["MessageId"] = {
  deserialize: (bytes) => ({ toString: () => bytes.toString("hex"), serialize: () => bytes }),
};
