import { ConfigError } from '../errors.ts';
import type { Store } from '../ports/store.ts';
import { delay } from '../time/delay.ts';
import type { Setup } from './setup.ts';

/** How long who was killed a moment ago still counts as there. */
const GONE_MS = 15_000;

/** Parts are one of each at least, or every process does all: both at once, none would know whom to ask. */
export async function joinCrew({ config, bot }: Setup, { crew }: Store): Promise<void> {
  if (crew === undefined) return;
  const { role } = config;
  bot.crew = crew;
  if (role !== 'all') {
    const other = role === 'bot' ? 'worker' : 'bot';
    bot.missing = () =>
      crew.has(other) ? null : `no ${other} is there (BATCHOPS_ROLE=${other} on this database)`;
  }
  const isOther = (one: string): boolean => one !== 'starting' && (one === 'all') !== (role === 'all');
  for (const until = performance.now() + GONE_MS; ; await delay(500)) {
    const there = (await crew.others()).find((one) => isOther(one.role));
    if (there === undefined) return;
    if (performance.now() < until) continue;
    throw new ConfigError([
      `BATCHOPS_ROLE: ${role}, and a process with ${there.role} is on this database; have all of them do all, or each a part`,
    ]);
  }
}
