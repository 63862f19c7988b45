/** Lays rows out in columns, as wide as their widest cell; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join("");
}

/** Microseconds as people read them. */
export function readableUs(durationUs: number | null | undefined): string {
  if (durationUs === null || durationUs === undefined) return "-";
  if (durationUs < 1000) return `${Math.round(durationUs)} us`;
  if (durationUs < 1e6) return `${(durationUs / 1000).toFixed(durationUs < 1e5 ? 2 : 0)} ms`;
  return `${(durationUs / 1e6).toFixed(2)} s`;
}
