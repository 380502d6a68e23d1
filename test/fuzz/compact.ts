/** Units up to so many bytes are looked for. */
const LONGEST_UNIT = 64;
/** What takes less is shown as it is. */
const LEAST_RUN = 24;

/** Bytes in hex, with what repeats shown once: `00ff (6162)*1000 07`. */
export function compact(bytes: Buffer): string {
  const parts: string[] = [];
  let plainFrom = 0;
  const flush = (to: number): void => {
    if (to > plainFrom) parts.push(bytes.toString("hex", plainFrom, to));
  };
  for (let at = 0; at < bytes.length; ) {
    const { unit, count } = runAt(bytes, at);
    if (unit * count < LEAST_RUN || count < 3) {
      at += 1;
      continue;
    }
    flush(at);
    parts.push(`(${bytes.toString("hex", at, at + unit)})*${count}`);
    at += unit * count;
    plainFrom = at;
  }
  flush(bytes.length);
  return parts.join(" ");
}

/** The run that begins here and covers most. */
function runAt(bytes: Buffer, at: number): { readonly unit: number; readonly count: number } {
  let best = { unit: 1, count: 1 };
  for (let unit = 1; unit <= LONGEST_UNIT; unit++) {
    let end = at + unit;
    while (end < bytes.length && bytes[end] === bytes[end - unit]) end += 1;
    const count = Math.floor((end - at) / unit);
    if (count > 1 && unit * count > best.unit * best.count) best = { unit, count };
  }
  return best;
}

/** The bytes that {@link compact} showed. */
export function expanded(text: string): Buffer {
  const parts = text.split(" ").map((part) => {
    const [, unit = part, count = "1"] = /^\((\w*)\)\*(\d+)$/.exec(part) ?? [];
    const bytes = Buffer.from(unit, "hex");
    return Buffer.alloc(bytes.length * Number(count), bytes);
  });
  return Buffer.concat(parts);
}
