import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/**
 * Who may import whom. A folder not named on the right is out of reach; `node:` and packages are listed like
 * folders. Pure stages have neither, edges never know each other, and only `main.ts` and its room `wiring` wire.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  ports: ['command', 'errors.ts', 'gather', 'inventory', 'policy', 'report', 'run', 'thread', 'time'],
  config: ['errors.ts', 'inventory', 'ports', 'run', 'node:'],
  process: [
    'config',
    'errors.ts',
    'gather',
    'inventory',
    'policy',
    'ports',
    'run',
    'time',
    'dotenv',
    'pino',
    'prom-client',
    'ssh-config',
    'node:',
  ],
  // what people ask, and what a run goes through
  lifecycle: [
    'command',
    'errors.ts',
    'gather',
    'inventory',
    'policy',
    'ports',
    'report',
    'run',
    'thread',
    'time',
  ],
  // what the parts of the work ask each other, where each is a process of its own
  crew: ['errors.ts', 'gather', 'inventory', 'policy', 'ports', 'report', 'run', 'thread'],
  requests: [
    'lifecycle',
    'command',
    'errors.ts',
    'gather',
    'inventory',
    'policy',
    'ports',
    'report',
    'run',
    'thread',
    'time',
  ],
  // pure
  time: [],
  inventory: ['errors.ts', 'ini'],
  command: ['errors.ts', 'inventory'],
  run: ['command', 'inventory'],
  policy: ['errors.ts', 'inventory', 'run'],
  gather: ['run', 'time'],
  report: ['command', 'errors.ts', 'gather', 'inventory', 'run'],
  thread: ['gather', 'report', 'run', 'time'],
  // edges
  store: [
    'command',
    'errors.ts',
    'gather',
    'policy',
    'ports',
    'run',
    'thread',
    'time',
    'kysely',
    'kysely/migration',
    'pg',
    'pg-boss',
    'node:',
  ],
  disk: ['ports', 'report', 'node:'],
  queue: ['errors.ts', 'policy', 'ports', 'run', 'time', 'p-queue', 'node:'],
  ssh: ['errors.ts', 'gather', 'inventory', 'ports', 'run', 'time', 'p-queue', 'ssh2', 'node:'],
  slack: [
    'command',
    'errors.ts',
    'policy',
    'ports',
    'report',
    'requests',
    'thread',
    'time',
    'run',
    '@slack/',
    'p-queue',
    'undici',
    'node:',
  ],
  // stands in for Slack and for the hosts; the bot it starts is the real one, as a process
  sandbox: ['*packages*', 'node:'],
  // puts all of them together
  wiring: ['*'],
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

/** Which of a place's permissions an import is by; undefined where it is by none. */
function permissionFor(file: string, specifier: string): string | undefined {
  const place = placeOf(file);
  const allowed = MAY_IMPORT[place] ?? [];
  if (allowed.includes('*')) return '*';
  if (specifier.startsWith('.')) {
    const target = placeOf(targetOf(file, specifier));
    return target === place ? place : allowed.find((name) => name === target);
  }
  if (allowed.includes('*packages*') && !specifier.startsWith('node:')) return '*packages*';
  return allowed.find((name) => (/[:/]$/.test(name) ? specifier.startsWith(name) : specifier === name));
}

function targetOf(file: string, specifier: string): string {
  return normalize(join(dirname(file), specifier));
}

/** What is reached from `start`, itself only where a way leads back to it. */
function reachedFrom(start: string, next: (from: string) => readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const waiting = [...next(start)];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    waiting.push(...next(at));
  }
  return seen;
}

describe('architecture', () => {
  test.each(files.filter((file) => file.endsWith('.ts')))('%s imports only what its folder may', (file) => {
    expect(Object.keys(MAY_IMPORT)).toContain(placeOf(file));
    expect(importsOf(file).filter((specifier) => permissionFor(file, specifier) === undefined)).toEqual([]);
  });

  test('no folder has a permission that nobody uses', () => {
    const used = new Set(
      files.flatMap((file) =>
        importsOf(file).map((specifier) => `${placeOf(file)} → ${permissionFor(file, specifier)}`),
      ),
    );
    const given = Object.entries(MAY_IMPORT).flatMap(([place, names]) =>
      names.map((name) => `${place} → ${name}`),
    );
    expect(given.filter((permission) => !used.has(permission))).toEqual([]);
  });

  test('the folders form no cycle', () => {
    const next = (place: string) => (MAY_IMPORT[place] ?? []).filter((name) => name in MAY_IMPORT);
    expect(Object.keys(MAY_IMPORT).filter((place) => reachedFrom(place, next).has(place))).toEqual([]);
  });

  test('nor do the files, types included', () => {
    const imports = new Map(
      files.map((file) => [
        file,
        importsOf(file).flatMap((name) => (name.startsWith('.') ? [targetOf(file, name)] : [])),
      ]),
    );
    const circling = files.filter((file) => reachedFrom(file, (from) => imports.get(from) ?? []).has(file));
    expect(circling).toEqual([]);
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
