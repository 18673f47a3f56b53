import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseCommand } from '../src/command/parse-command.ts';
import { USAGE } from '../src/command/usage.ts';
import { parseInventory } from '../src/inventory/parse-inventory.ts';
import { parseAllowlist } from '../src/policy/allowlist.ts';
import { FLUSH_MS, GRACE_MS, LINGER_MS } from '../src/process/shutdown.ts';
import { ABORT_LIMIT_MS } from '../src/queue/dispatcher.ts';
import { OUTCOME_KINDS } from '../src/run/outcome.ts';
import { DRAIN_MS } from '../src/slack/connection.ts';
import { GOODBYE_MS } from '../src/slack/socket-mode/socket.ts';
import { POST_TIMEOUT_MS } from '../src/slack/workspace.ts';
import { DEFAULT_MAX_FETCH_BYTES } from '../src/ssh/settings.ts';
import { MAX_OFFERED_BYTES } from '../src/thread/files/files.ts';

const root = new URL('../', import.meta.url).pathname;
const readme = readFileSync(`${root}README.md`, 'utf8');
const scripts = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).scripts as Record<string, string>;

/** The first fenced block below a heading. */
function blockBelow(heading: string, language = ''): string {
  const section = readme.slice(readme.indexOf(`\n${heading}\n`));
  const match = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(section);
  return match?.[1] ?? '';
}

function firstColumn(heading: string): string[] {
  const section = readme.slice(readme.indexOf(`\n${heading}\n`) + 1);
  const end = section.indexOf('\n#', 1);
  return Array.from(section.slice(0, end).matchAll(/^\| (`[^|]+`[^|]*) \|/gm), (match) => match[1] ?? '');
}

const names = (cells: readonly string[]): string[] =>
  cells.flatMap((cell) => Array.from(cell.matchAll(/`([^`]+)`/g), (match) => match[1] ?? ''));

describe('the README', () => {
  test('names only paths that exist, and every file and folder of src', () => {
    const listed = names(firstColumn('## Layout'));
    for (const path of listed) expect(existsSync(root + path), path).toBe(true);
    const present = readdirSync(`${root}src`, { withFileTypes: true })
      .map((entry) => (entry.isDirectory() ? `src/${entry.name}/` : `src/${entry.name}`))
      .filter((path) => path.endsWith('.ts') || path.endsWith('/'));
    expect(listed.filter((path) => path.startsWith('src/')).toSorted()).toEqual(present.toSorted());
  });

  test('tells how much is fetched, and how much of that is uploaded', () => {
    expect(readme).toContain(`(${DEFAULT_MAX_FETCH_BYTES / 1_024 ** 3} GiB of each at most)`);
    expect(readme).toContain(`each file of up to ${MAX_OFFERED_BYTES / 1_024 ** 2} MiB`);
  });

  test('links only to what exists', () => {
    const links = Array.from(readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g), (match) => match[1] ?? '');
    for (const link of links) expect(existsSync(root + link), link).toBe(true);
  });

  test('names only npm scripts that exist, and every script', () => {
    const named = new Set(
      Array.from(
        readme.matchAll(
          /npm (?:run )?(start|test|demo|check-config|check|bench|chaos|audit|backup|outbox|migrate)\b/g,
        ),
        (m) => m[1],
      ),
    );
    expect([...named].toSorted()).toEqual(Object.keys(scripts).toSorted());
  });

  test('has the settings of .env.example, and no others', () => {
    const example = readFileSync(`${root}.env.example`, 'utf8');
    const known = Array.from(example.matchAll(/^(?:# )?([A-Z_]+)=/gm), (match) => match[1]);
    expect(names(firstColumn('## Settings')).toSorted()).toEqual(known.toSorted());
  });

  test('says how long a stop takes: the sum of its steps', () => {
    const steps = [
      DRAIN_MS,
      2 * GOODBYE_MS,
      GRACE_MS,
      2 * ABORT_LIMIT_MS,
      FLUSH_MS,
      POST_TIMEOUT_MS,
      LINGER_MS,
    ];
    const seconds = steps.reduce((sum, ms) => sum + ms) / 1_000;
    expect(readme).toContain(`All steps together take up to ${seconds} s`);
    expect(readme).toContain("give a supervisor's stop timeout 90 s");
    expect(90).toBeGreaterThan(seconds);
  });

  test('has scripts that each hand the signals to node', () => {
    for (const script of Object.values(scripts)) expect(script).toMatch(/(^|&& )exec \S+[^&;|]*$/);
  });

  test('explains every outcome', () => {
    expect(names(firstColumn('### How a job can end'))).toEqual([...OUTCOME_KINDS]);
  });

  test('quotes the usage lines that the bot itself quotes', () => {
    const block = blockBelow('## The commands');
    for (const line of Object.values(USAGE).flatMap((text) => text.split('\n')))
      expect(block).toContain(line.trim());
  });

  test('shows commands that parse', () => {
    const lines = Array.from(readme.matchAll(/^(\/batch\w*) ?(.*?)(?: {2,}….*)?$/gm)).filter(
      ([line]) => !/[[|…]|HOSTS/.test(line.replace(/ {2,}….*/, '')),
    );
    expect(lines.length).toBeGreaterThan(5);
    for (const [line, command = '', text = ''] of lines) {
      expect(() => parseCommand(command, text), line).not.toThrow();
    }
  });

  test('has ten lines for the first day, and those that are typed parse', () => {
    const heading = '## First day in a real workspace';
    const section = readme.slice(readme.indexOf(`\n${heading}\n`) + 1).split('\n## ')[0] ?? '';
    const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| try |'));
    expect(rows).toHaveLength(10);
    const typed = rows.flatMap((row) => /^\| (`+)(\/batch\w*) ?(.*?)\1/.exec(row) ?? []);
    expect(typed).toHaveLength(9 * 4);
    for (let at = 0; at < typed.length; at += 4) {
      const [line, , command = '', text = ''] = typed.slice(at, at + 4);
      // Without a word it opens the form.
      if (text !== '') expect(() => parseCommand(command, text), line).not.toThrow();
    }
  });

  test('shows an inventory and an allowlist that are right', () => {
    const inventory = parseInventory(blockBelow('## inventory.ini', 'ini'), 'inventory.ini', {
      env: () => 'secret',
      readFile: () => '-----BEGIN OPENSSH PRIVATE KEY-----',
      findKeyFault: () => undefined,
    });
    expect([...inventory.hosts.keys()]).toEqual(['web1', 'web2', 'db1']);
    expect(
      parseAllowlist(blockBelow('## allowlist.ini', 'ini'), 'allowlist.ini', undefined).rules,
    ).toHaveLength(2);
  });
});
