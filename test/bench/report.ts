export function atMost(what: string, value: number | undefined, limit: number, unit: string): string {
  if (value === undefined) return `  ?     ${what}: no figure`;
  return bar(
    what,
    value <= limit,
    `${fixed(value, limit < 10 ? 2 : limit < 50 ? 1 : 0)} ${unit}`,
    `≤ ${limit} ${unit}`,
  );
}

export function bar(what: string, isReached: boolean, value: string, limit: string): string {
  return `  ${isReached ? 'ok  ' : 'MISS'}  ${what}: ${value} (${limit})`;
}

export function table(rows: readonly (readonly string[])[]): string[] {
  const width = (column: number): number =>
    Math.max(...rows.map((row) => (row.length > 2 ? (row[column]?.length ?? 0) : 0)));
  return rows.map((row) =>
    `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(width(0)) : cell.padStart(width(i)))).join('   ')}`.trimEnd(),
  );
}

export function fixed(value: number | undefined, digits: number): string {
  return value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits);
}
