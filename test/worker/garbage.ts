import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** After it, WeakRefs to what nobody keeps are empty. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  // A reference that was looked at stays alive until the end of its turn.
  await nextTurn();
  runInNewContext("gc")();
}
