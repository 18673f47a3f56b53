import { readFileSync } from 'node:fs';

export const FAULTS_HEADING = '### What breaks, and what is left';

/** A line of README's table. */
export interface Promised {
  readonly outcome: string;
  readonly seconds: number;
  readonly left: string;
}

/** By what happens. */
export function readPromises(): ReadonlyMap<string, Promised> {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  const section = readme.slice(readme.indexOf(`\n${FAULTS_HEADING}\n`) + 1);
  const rows = section
    .slice(0, section.indexOf('\n#', 1))
    .split('\n')
    .filter((line) => /^\| (?!what happens|-)/.test(line))
    .map((line) => line.slice(2, -2).split(' | '));
  return new Map(
    rows.map(([happens = '', outcome = '', time = '', left = '']) => [
      happens,
      { outcome: outcome.replaceAll('`', ''), seconds: Number(/^(\d+) s$/.exec(time)?.[1]), left },
    ]),
  );
}
