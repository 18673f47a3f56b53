import { askAuditLines } from '../crew/audit-lines.ts';
import { answerForKeys } from '../crew/keys.ts';
import { tellSecrets } from '../crew/secrets.ts';
import { seenThrough } from '../crew/seen-through.ts';
import { tellSights } from '../crew/sights.ts';
import { distantDirectory } from '../crew/standings.ts';
import { tellTyped } from '../crew/typed-secrets.ts';
import type { RunContext } from '../lifecycle/execution.ts';
import { sha256 } from '../lifecycle/sha256.ts';
import type { Crew } from '../ports/crew.ts';
import { heedSignals } from '../process/shutdown.ts';
import type { Backend } from './backend.ts';
import { announce, joinCrew } from './crew.ts';
import { followFiles, startJobs } from './jobs.ts';
import type { Setup } from './setup.ts';

/** A bot part may be started anew with other settings. */
const HEAR_MS = 30_000;

/** It logs in to hosts, and leaves to the bot part whom Slack says people are, and what people are told. */
export async function workAlone(setup: Setup, backend: Backend): Promise<undefined> {
  const { bot, fleet, mask, steady, log, end, exit } = setup;
  const { store, transport, transfers, spool, looks, here } = backend;
  await joinCrew(setup, store);
  const { crew } = store;
  if (transport === undefined || here === undefined || crew === undefined)
    throw new Error('a worker has hosts, and others');
  const context: RunContext = {
    get inventory() {
      return fleet.inventory;
    },
    get allowlist() {
      return fleet.allowlist;
    },
    directory: distantDirectory(crew, steady),
    store,
    transfers,
    now: Date.now,
    isDistant: true,
    seen: (outcome) => seenThrough(outcome, mask.now(), spool),
  };
  crew.serve({
    ...answerForKeys(transport.keyring, fleet),
    ...tellSights(here),
    ...tellSecrets(transfers, () => mask.now(), sha256),
    ...tellTyped(() => mask.now()),
  });
  hearAuditLines(setup, crew);
  // Before anything is taken: a worker takes nothing while no bot is there.
  await announce(crew, 'worker');
  heedSignals({ log, end, exit });
  bot.phase = 'open';
  startJobs(setup, context, transport, looks);
  followFiles(setup, backend, context);
}

/** Whether its entries have lines in a channel is the bot part's to say, whatever is set here. */
function hearAuditLines({ bot, log, opened }: Setup, crew: Crew): void {
  const hear = async (): Promise<void> => {
    if (crew.has('bot')) bot.auditLines = await askAuditLines(crew);
  };
  const look = (): void => {
    hear().catch((error: unknown) =>
      log.warn({ err: error }, 'whether there is an audit channel is asked again'),
    );
  };
  crew.onChange(look);
  const timer = setInterval(look, HEAR_MS).unref();
  opened.defer(() => clearInterval(timer));
}
