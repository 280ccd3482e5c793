/** Columns aligned with two spaces between them, as kubectl prints tables; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

export const mebibytes = (bytes: number | undefined): string =>
  bytes === undefined ? '' : `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
