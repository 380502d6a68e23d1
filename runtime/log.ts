import winston from "winston";
import { errorText } from "./error-text.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LEVELS)[number];
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  with(fields: LogFields): Logger;
}

export interface RootLogger extends Logger {
  /** From now on, for this logger and all that come from it. */
  setLevel(level: LogLevel): void;
}

/** Whether a text, perhaps of a newer version, names a level that there is. */
export function isLogLevel(text: unknown): text is LogLevel {
  return LEVELS.some((level) => level === text);
}

const SECRET_NAME = /secret|token|password|credential|accesskey|authorization|private/i;

/**
 * JSON lines on standard error: `time`, `level`, `program`, `message`, fields. A field whose name tells of a secret is
 * replaced, at any depth, as a last line of defence: callers must not pass secrets at all. An Error is written as its
 * code and message, with the stack at debug level only.
 */
export function createLogger(options: {
  program: string;
  level: LogLevel;
  stream?: NodeJS.WritableStream;
}): RootLogger {
  const { program, level, stream = process.stderr } = options;
  const logger = winston.createLogger({
    level,
    format: winston.format.printf((info) => {
      const { level: lineLevel, message, ...fields } = info;
      return JSON.stringify({
        time: new Date().toISOString(),
        level: lineLevel,
        program,
        message,
        ...(redact(fields, logger.level === "debug") as object),
      });
    }),
    transports: [new winston.transports.Stream({ stream })],
  });
  return {
    ...wrap(logger, {}),
    setLevel: (next) => {
      logger.level = next;
    },
  };
}

function wrap(logger: winston.Logger, bound: LogFields): Logger {
  const write = (level: LogLevel) => (message: string, fields?: LogFields) => {
    logger.log(level, message, { ...bound, ...fields });
  };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    with: (fields) => wrap(logger, { ...bound, ...fields }),
  };
}

function redact(value: unknown, withStack: boolean, depth = 0): unknown {
  if (value instanceof Error) {
    const code = (value as { code?: unknown }).code;
    return {
      name: value.name,
      ...(code === undefined ? {} : { code }),
      message: errorText(value),
      ...(withStack ? { stack: value.stack } : {}),
    };
  }
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (depth > 4) return "…";
  if (Array.isArray(value)) return value.map((item) => redact(item, withStack, depth + 1));
  const result: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    result[name] =
      SECRET_NAME.test(name) && typeof item === "string" ? "(redacted)" : redact(item, withStack, depth + 1);
  }
  return result;
}
