import { systemClock } from "../runtime/clock.ts";
import { createLogger } from "../runtime/log.ts";
import { onTermination } from "../runtime/shutdown.ts";
import { ConfigError, type OperatorConfig, readConfig } from "./config.ts";
import { defaultAccess } from "./kube/access.ts";
import { createOperator } from "./operator.ts";
import { PROGRAM } from "./program.ts";

function configuration(): OperatorConfig {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    createLogger({ program: PROGRAM, level: "error" }).error("the configuration cannot be used", { error });
    process.exit(2);
  }
}

const config = configuration();
const logger = createLogger({ program: PROGRAM, level: config.logLevel });

try {
  const access = await defaultAccess(process.env);
  await createOperator({ config, access, clock: systemClock, logger }).run(onTermination());
  process.exit(0);
} catch (error) {
  logger.error("the operator ended", { error });
  process.exit(1);
}
