/** Rejects when this process is told to end, so that what waits beside it unwinds and cleans up. */
export function interruption(): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => reject(new Error(`interrupted by ${name}`)));
  }
  promise.catch(() => undefined);
  return promise;
}
