import { readdirSync, readFileSync } from 'node:fs';
import { parseAst } from 'vitest/node';

export interface FoundPatterns {
  /** Below the repository. */
  readonly file: string;
  readonly literals: readonly RegExp[];
  /** `new RegExp(…)` and `RegExp(…)`, as they stand there. */
  readonly made: readonly string[];
}

const ROOT = new URL('../../', import.meta.url);
/** Runs in the browser of whoever tries the sandbox. */
const NOT_OURS = 'src/sandbox/page/';

/** Every regular expression in `src`, read off the syntax tree: what is in a comment or a string is none. */
export function findPatterns(): readonly FoundPatterns[] {
  return readdirSync(new URL('src/', ROOT), { recursive: true, encoding: 'utf8' })
    .map((name) => `src/${name}`)
    .filter((file) => file.endsWith('.ts') && !file.startsWith(NOT_OURS))
    .toSorted()
    .map(readPatterns)
    .filter(({ literals, made }) => literals.length + made.length > 0);
}

function readPatterns(file: string): FoundPatterns {
  const text = readFileSync(new URL(file, ROOT), 'utf8');
  const literals: RegExp[] = [];
  const made: string[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if ('regex' in node && isRegex(node.regex))
      literals.push(new RegExp(node.regex.pattern, node.regex.flags));
    if ('callee' in node && 'start' in node && 'end' in node && isRegExpName(node.callee)) {
      made.push(text.slice(Number(node.start), Number(node.end)));
    }
    for (const value of Object.values(node)) visit(value);
  };
  visit(parseAst(text, { lang: 'ts' }));
  return { file, literals, made };
}

function isRegex(value: unknown): value is { readonly pattern: string; readonly flags: string } {
  return typeof value === 'object' && value !== null && 'pattern' in value && 'flags' in value;
}

function isRegExpName(callee: unknown): boolean {
  return typeof callee === 'object' && callee !== null && 'name' in callee && callee.name === 'RegExp';
}
