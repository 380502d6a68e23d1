/**
 * Tells the sender that there may be something to send. Made before both sides, so that what finds work need not know
 * the sender, nor the sender all that find work.
 */
export interface Wake {
  readonly wake: () => void;
  /** One listener at most. */
  onWake(listener: () => void): void;
}

export function createWake(): Wake {
  let listen: () => void = () => {};
  return {
    wake: () => listen(),
    onWake: (listener) => {
      listen = listener;
    },
  };
}
