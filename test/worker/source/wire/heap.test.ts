import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { deflateSync } from "node:zlib";
import * as c from "../../../../worker/source/protocol/commands.ts";
import { Command } from "../../../../worker/source/protocol/commands.ts";
import { Compression } from "../../../../worker/source/protocol/compression.ts";
import { useScriptedBrokers } from "../scripted-broker.ts";

const startBroker = useScriptedBrokers();
const MiB = 1024 * 1024;
const PROGRAM = fileURLToPath(import.meta.resolve("./heap-program.ts"));
/** A worker's, where its container has 512 MiB (operator/desired/container.ts): a share of a large machine bounds nothing. */
const HEAP = ["--max-semi-space-size=2", "--max-old-space-size=154"];

/** Almost 32 MiB inflated, some 50 KB on the wire. */
const COUNT = 980_000;
const one = Buffer.concat([Buffer.from([0, 0, 0, 2, 0x18, 28]), Buffer.alloc(28, 0x61)]);
const plain = Buffer.alloc(COUNT * one.length, one);
const payload = deflateSync(plain);
const compression = { compression: Compression.ZLIB, uncompressedSize: plain.length };

for (const type of ["Failover", "Shared"]) {
  test(`batches of ${COUNT} messages go through the heap of a worker, and other topics go on (${type})`, async () => {
    const topics = ["a", "b", "c", "small"].map((name) => `persistent://public/default/${name}`);
    const names = new Map<number, string>();
    const timers: NodeJS.Timeout[] = [];
    const broker = await startBroker((command, body, { send, sendEntry, sendMessage }) => {
      if (command === Command.SUBSCRIBE) {
        const { consumerId = 0, requestId, topic = "" } = c.subscribe.decode(body);
        names.set(consumerId, topic);
        send(Command.SUCCESS, c.success, { requestId });
        if (type === "Failover")
          send(Command.ACTIVE_CONSUMER_CHANGE, c.activeConsumerChange, { consumerId, isActive: true });
        return true;
      }
      if (command !== Command.FLOW) return false;
      const { consumerId = 0 } = c.flow.decode(body);
      const topic = names.get(consumerId) ?? "";
      if (!names.delete(consumerId)) return true;
      if (!topic.endsWith("small")) {
        sendEntry(consumerId, 0, { ...compression, numMessagesInBatch: COUNT }, payload);
        sendEntry(consumerId, 1, { ...compression, numMessagesInBatch: 5_600_000 }, payload);
        return true;
      }
      let entry = 0;
      timers.push(setInterval(() => sendMessage(consumerId, entry++, "small"), 20));
      return true;
    });
    try {
      const args = [...HEAP, PROGRAM, broker.url, type, ...topics];
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 150_000 });
      const peak = Number(stdout);
      assert.ok(peak > 0 && peak < 512 * MiB, `${Math.round(peak / MiB)} MiB at the peak`);
    } finally {
      for (const timer of timers) clearInterval(timer);
    }
  });
}
