// Runs kinesalite on one address: its own command line listens on every address.

import type { Server } from "node:http";
import { createRequire } from "node:module";

const create: (options: Readonly<Record<string, number>>) => Server = createRequire(import.meta.url)("kinesalite");
const millis = Number(process.env["EMULATOR_OPERATION_MILLIS"]);

create({ createStreamMs: millis, deleteStreamMs: millis, updateStreamMs: millis, shardLimit: 1000 }).listen(
  Number(process.env["EMULATOR_PORT"]),
  process.env["EMULATOR_HOST"],
);
