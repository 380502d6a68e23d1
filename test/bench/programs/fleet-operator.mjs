/**
 * The operator as compiled in the folder COMPILED, against the API server that API_URL names; the rest comes as in a pod. Plain
 * JavaScript, for the memory that Node.js strips types with would be measured too.
 */
import { join } from "node:path";

const compiled = (file) => import(join(process.env.COMPILED, file));
const { readConfig } = await compiled("operator/config.js");
const { createOperator } = await compiled("operator/operator.js");
const { PROGRAM } = await compiled("operator/program.js");
const { systemClock } = await compiled("runtime/clock.js");
const { createLogger } = await compiled("runtime/log.js");
const { onTermination } = await compiled("runtime/shutdown.js");

const config = readConfig(process.env);
const server = process.env.API_URL;
const access = { getCurrentCluster: () => ({ server }), applyToHTTPSOptions: async () => {} };
const logger = createLogger({ program: PROGRAM, level: config.logLevel });
await createOperator({ config, access, clock: systemClock, logger }).run(onTermination());
process.exit(0);
