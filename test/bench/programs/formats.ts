/** CPU time per message of each format and schema, from 10 B to 1 MiB: `formats.ts [part of a case's name]`. */
import { createFormat } from "../../../worker/format/create.ts";
import { partitionKey } from "../../../worker/format/partition-key.ts";
import { dataBytes } from "../../../worker/pipeline/intake/encoding.ts";
import type { Message } from "../../../worker/source/source.ts";
import { deliveryOf, messageOf } from "../../worker/format/message.ts";
import { print } from "../harness/table.ts";
import { type FormatCase, formatCases } from "./format-cases.ts";

const TOPIC = "persistent://public/default/orders-partition-3";
const SIZES = [10, 200, 1_000, 10_000, 100_000, 1_048_576];
/** Messages are copies, as many as fit in so many bytes: what is read is not always in the cache of the processor. */
const COPIES_BYTES = 16 * 1_048_576;
const MOST_COPIES = 1_000;
const WARM_UP_MILLIS = 250;
const MEASURE_MILLIS = 500;

/** CPU microseconds per message, and bytes of one record. */
async function measure(each: FormatCase): Promise<[number, number]> {
  const { schema, payload, properties = [], jsonFlatten = false, messageFormat } = each;
  const format = createFormat(
    { messageFormat, jsonFlatten, jsonIncludeNonNulls: true },
    { schema: async () => schema },
  );
  const schemaVersion = schema === null ? null : Buffer.from("0000000000000001", "hex");
  const first = messageOf({ payload, key: "key-1234", properties, schemaVersion });
  const copies = Math.min(MOST_COPIES, Math.ceil(COPIES_BYTES / payload.length));
  const messages: Message[] = Array.from({ length: copies }, () => ({ ...first, payload: Buffer.from(payload) }));
  await format.prepare(deliveryOf(messages, TOPIC));
  let bytes = 0;
  const run = (millis: number): number => {
    let count = 0;
    for (const end = performance.now() + millis; performance.now() < end; count += copies) {
      for (const message of messages)
        bytes += dataBytes(message, format.encode(message, TOPIC)) + partitionKey(message, TOPIC).length;
    }
    return count;
  };
  run(WARM_UP_MILLIS);
  const before = process.cpuUsage();
  const count = run(MEASURE_MILLIS);
  const { user, system } = process.cpuUsage(before);
  if (bytes === 0) throw new Error("nothing was encoded");
  return [(user + system) / count, dataBytes(first, format.encode(first, TOPIC))];
}

const wanted = process.argv[2] ?? "";
print("format                 payload B  record B    CPU µs");
for (const size of SIZES) {
  for (const each of formatCases(size).filter(({ name }) => name.includes(wanted))) {
    const [micros, bytes] = await measure(each);
    const columns = [each.name.padEnd(22), String(each.payload.length).padStart(9), String(bytes).padStart(8)];
    print(`${columns.join(" ")} ${micros.toFixed(3).padStart(10)}`);
  }
}
