import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/**
 * Who may import whom. A folder not named on the right is out of reach; `node:` and packages are listed like
 * folders. Pure stages have neither, edges never know each other, and only `main.ts` wires.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  'ports.ts': ['gather', 'inventory', 'policy', 'report', 'run', 'thread'],
  'config.ts': ['errors.ts', 'inventory', 'node:'],
  process: ['config.ts', 'errors.ts', 'inventory', 'policy', 'ports.ts', 'run', 'prom-client', 'node:'],
  // what people ask, and what a run goes through
  lifecycle: ['command', 'errors.ts', 'gather', 'inventory', 'policy', 'ports.ts', 'report', 'run', 'thread'],
  requests: [
    'lifecycle',
    'command',
    'errors.ts',
    'gather',
    'inventory',
    'policy',
    'ports.ts',
    'report',
    'run',
    'thread',
  ],
  // pure
  inventory: ['errors.ts', 'ini'],
  command: ['errors.ts', 'inventory'],
  run: ['command', 'inventory'],
  policy: ['errors.ts', 'inventory', 'run'],
  gather: ['run'],
  report: ['command', 'errors.ts', 'gather', 'inventory', 'run'],
  thread: ['gather', 'report', 'run'],
  // edges
  store: [
    'errors.ts',
    'gather',
    'policy',
    'ports.ts',
    'run',
    'thread',
    'kysely',
    'kysely/migration',
    'node:',
  ],
  queue: ['errors.ts', 'inventory', 'policy', 'ports.ts', 'run', 'p-queue', 'node:'],
  ssh: ['errors.ts', 'gather', 'inventory', 'ports.ts', 'run', 'ssh2', 'node:'],
  slack: [
    'errors.ts',
    'policy',
    'ports.ts',
    'report',
    'requests',
    'thread',
    'run',
    '@slack/',
    'undici',
    'node:',
  ],
  // stands in for Slack and for the hosts; the bot it starts is the real one, as a process
  sandbox: ['*packages*', 'node:'],
  'main.ts': ['*'],
};

const root = new URL('../src/', import.meta.url).pathname;
const files = globSync('**/*.{ts,cjs}', { cwd: root });

function placeOf(file: string): string {
  const [first = ''] = file.split('/');
  return first;
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return Array.from(text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g), (match) => match[1] ?? '');
}

function isAllowed(file: string, specifier: string): boolean {
  const place = placeOf(file);
  const allowed = MAY_IMPORT[place] ?? [];
  if (allowed.includes('*')) return true;
  if (specifier.startsWith('.')) {
    const target = placeOf(normalize(join(dirname(file), specifier)));
    return target === place || allowed.includes(target);
  }
  if (allowed.includes('*packages*') && !specifier.startsWith('node:')) return true;
  return allowed.some((name) => (/[:/]$/.test(name) ? specifier.startsWith(name) : specifier === name));
}

describe('architecture', () => {
  test.each(files.filter((file) => file.endsWith('.ts')))('%s imports only what its folder may', (file) => {
    expect(Object.keys(MAY_IMPORT)).toContain(placeOf(file));
    expect(importsOf(file).filter((specifier) => !isAllowed(file, specifier))).toEqual([]);
  });

  test('the folders form no cycle', () => {
    const reaches = (from: string, seen: Set<string>): Set<string> => {
      for (const next of MAY_IMPORT[from] ?? []) {
        if (next in MAY_IMPORT && !seen.has(next)) reaches(next, seen.add(next));
      }
      return seen;
    };
    const cyclic = Object.keys(MAY_IMPORT).filter((place) => reaches(place, new Set()).has(place));
    expect(cyclic).toEqual([]);
  });

  test('only main.ts and the sandbox touch the process', () => {
    const offenders = files.filter(
      (file) =>
        file.endsWith('.ts') &&
        file !== 'main.ts' &&
        !file.startsWith('sandbox/') &&
        /process\.(env|exit\b|exit\()/.test(readFileSync(join(root, file), 'utf8')),
    );
    expect(offenders).toEqual([]);
  });
});
