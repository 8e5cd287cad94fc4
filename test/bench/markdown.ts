import type { Spread } from './statistics';

/** A table in prettier's format: columns as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

/** With three significant digits: `123`, `12.3`, `1.23`. */
export function figure(value: number): string {
  const digits = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(3, Math.max(0, 2 - digits)));
}

/** `1.23 (1.20 to 1.31)`: the median and the quartiles. */
export function spreadText({ median, low, high }: Spread): string {
  return `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

/** How variants of something appear in the document: a label in tables and an explanation, by variant. */
export type Variants = Readonly<
  Record<string, { readonly label: string; readonly meaning: string }>
>;

/** What the second instance of a variant is for. */
export const REPEATED =
  'a second instance. Its difference from the first is the measurement noise.';
