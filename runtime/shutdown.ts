/**
 * Aborts on the first SIGTERM or SIGINT, with the signal's name as reason. A second one exits at once, for a person at
 * a terminal who does not want to wait for the drain.
 */
export function onTermination(exit: (code: number) => void = process.exit): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) exit(128 + (name === "SIGTERM" ? 15 : 2));
      controller.abort(name);
    });
  }
  return controller.signal;
}
