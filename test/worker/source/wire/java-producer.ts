import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { CompressionType } from "../../../../worker/source/source.ts";
import { pulsarHome } from "../../../env/pulsar/distribution.ts";

const PROGRAM = join(import.meta.dirname, "EncryptingProducer.java");
const PRODUCTION_MS = 180_000;

export interface JavaProduction {
  readonly topic: string;
  /** by-key: one batch for each message key. */
  readonly kind: "batched" | "by-key" | "single" | "chunked";
  readonly compression: CompressionType;
  /** Messages, or the bytes of the one chunked message. */
  readonly count: number;
  /** Files of public keys in PEM, by the names of the encryption keys. */
  readonly publicKeys: Readonly<Record<string, string>>;
}

/** The official Java client, which the broker's distribution contains, encrypting what it publishes. */
export interface JavaProducer {
  /** One after another. Resolves when the broker stored it all. */
  produce(production: JavaProduction): Promise<void>;
  close(): Promise<void>;
}

export async function startJavaProducer(serviceUrl: string): Promise<JavaProducer> {
  const home = await pulsarHome(() => undefined);
  const flags = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=ERROR"];
  const child = spawn("java", [...flags, "-cp", join(home, "lib", "*"), PROGRAM, serviceUrl]);
  const exited = once(child, "exit");
  let errors = "";
  child.stderr.on("data", (text) => {
    errors += text;
  });
  child.stdin.on("error", () => undefined);
  const answers = createInterface(child.stdout);
  return {
    async produce({ topic, kind, compression, count, publicKeys }) {
      const keys = Object.entries(publicKeys).map(([name, file]) => `${name}=${file}`);
      child.stdin.write(`${[topic, kind, compression, count, ...keys].join(" ")}\n`);
      const signal = AbortSignal.timeout(PRODUCTION_MS);
      const ended = exited.then(() => Promise.reject(new Error(`the Java producer ended: ${errors}`)));
      await Promise.race([once(answers, "line", { signal }), ended]);
    },
    async close() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** The payload of the chunked message. */
export function largePayload(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = 1;
  for (let index = 0; index < size; index++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}
