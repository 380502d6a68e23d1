/** Aborts when this process is told to end, so that what it started unwinds and cleans up. */
export function interruption(): AbortSignal {
  const interrupt = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => interrupt.abort(new Error(`interrupted by ${name}`)));
  }
  return interrupt.signal;
}

/** Rejects with the signal's reason when it aborts, for work that takes no signal: what races it. */
export function rejection(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  promise.catch(() => undefined);
  return promise;
}
