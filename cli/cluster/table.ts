/** Rows as lines with columns below each other, as kubectl prints them. Columns without a value in any row are left out. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const [head = [], ...body] = rows;
  const kept = head.flatMap((_, column) => (body.some((row) => (row[column] ?? "") !== "") ? [column] : []));
  const widths = kept.map((column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    kept
      .map((column, index) => (row[column] ?? "").padEnd(widths[index] ?? 0))
      .join("   ")
      .trimEnd(),
  );
}
