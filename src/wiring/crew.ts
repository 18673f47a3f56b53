import { ConfigError } from '../errors.ts';
import type { Crew, Member, Role } from '../ports/crew.ts';
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
  for (
    const until = performance.now() + GONE_MS;
    (await findMixed(crew, role)) !== undefined;
    await delay(500)
  ) {
    if (performance.now() >= until) await refuseMixed(crew, role);
  }
}

/** Begins with the part, unless another process that does it otherwise has begun meanwhile. */
export async function announce(crew: Crew, role: Role): Promise<void> {
  await crew.announce(role);
  await refuseMixed(crew, role);
}

async function findMixed(crew: Crew, role: Role): Promise<Member | undefined> {
  const others = await crew.others();
  return others.find((one) => one.role !== 'starting' && (one.role === 'all') !== (role === 'all'));
}

async function refuseMixed(crew: Crew, role: Role): Promise<void> {
  const there = await findMixed(crew, role);
  if (there === undefined) return;
  throw new ConfigError([
    `BATCHOPS_ROLE: ${role}, and a process with ${there.role} is on this database; have all of them do all, or each a part`,
  ]);
}
