/**
 * The fake Kinesis endpoint as a program of its own: `scripts/node test/fakes/kinesis-main.ts '{"streams":{"a":4}}'`.
 * Prints one line of JSON with its addresses; ends with SIGTERM, or when its standard input does.
 */
import { type FakeKinesisOptions, startFakeKinesis } from "./kinesis.ts";

const fake = await startFakeKinesis(JSON.parse(process.argv[2] ?? "{}") as FakeKinesisOptions);
console.log(JSON.stringify({ url: fake.url, tlsUrl: fake.tlsUrl }));
process.on("SIGTERM", () => process.exit());
process.stdin.on("end", () => process.exit()).resume();
