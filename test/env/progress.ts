import type { Log } from "./process.ts";

const REMINDER_MS = 15_000;

/** Runs a step, saying when it starts, every 15 s that it still runs, and how long it took. */
export async function step<T>(log: Log, title: string, action: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const elapsed = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  log(`${title} ...`);
  const reminder = setInterval(() => log(`${title}: still at it after ${elapsed()}`), REMINDER_MS);
  reminder.unref();
  try {
    const result = await action();
    log(`${title}: done in ${elapsed()}`);
    return result;
  } catch (error) {
    log(`${title}: failed after ${elapsed()}`);
    throw error;
  } finally {
    clearInterval(reminder);
  }
}
