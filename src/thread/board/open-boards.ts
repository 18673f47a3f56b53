import { type Bundle, chooseReference, foldResults, generalize } from '../../gather/fold.ts';
import type { Message } from '../../report/message.ts';
import { pingTable } from '../../report/ping.ts';
import type { Outcome } from '../../run/outcome.ts';
import type { Ping } from '../../run/ping/ping.ts';
import { findTarget } from '../../run/plan.ts';
import { type Run, totalJobs } from '../../run/run.ts';
import { breathe } from '../../time/breathe.ts';
import type { ThreadFacts } from '../facts.ts';
import { MAX_PAGES } from '../layout.ts';
import { formatBoard, planBoard } from './board.ts';
import { type BoardEntry, formatBundle } from './bundle.ts';

const MAX_KEPT = 8;

interface Board {
  /** What of the run it was made from. */
  readonly stamp: string;
  readonly pages: Promise<readonly Message[]>;
}

/** The pages of a board are asked for one after the other, and made together. */
export function openBoards(facts: ThreadFacts) {
  const boards = new Map<string, Board>();
  return {
    pagesOf(run: Run): Promise<readonly Message[]> {
      const { queued, running } = run.progress;
      const stamp = `${run.state} ${totalJobs(run.progress) - queued - running}`;
      const known = boards.get(run.id);
      if (known?.stamp === stamp) return known.pages;
      const pages = renderBoard(facts, run);
      boards.delete(run.id);
      boards.set(run.id, { stamp, pages });
      pages.catch(() => boards.delete(run.id));
      const [oldest] = boards.keys();
      if (oldest !== undefined && boards.size > MAX_KEPT) boards.delete(oldest);
      return pages;
    },
  };
}

/** Of each host that answered; read once, as the run has ended. */
async function listPings(facts: ThreadFacts, run: Run): Promise<readonly (readonly [string, Ping])[]> {
  const pings: (readonly [string, Ping])[] = [];
  for await (const { host, outcome } of facts.readJobs(run.id)) {
    if (outcome?.ping !== undefined) pings.push([host, outcome.ping]);
  }
  return pings;
}

/** Equal results together, as many as fit, each with the output of its first host: all other output stays where it is. */
async function renderBoard(facts: ThreadFacts, run: Run): Promise<readonly Message[]> {
  const { nameSet } = facts;
  const { plan } = run;
  const maxPages = run.state === 'finished' ? MAX_PAGES : 1;
  const rows = await facts.listFoldRows(run.id);
  const firstContacts = rows.filter(({ firstKeys }) => firstKeys > 0).map(({ host }) => host);
  const bundles = foldResults(rows);
  const { shown, rest, maxChars } = planBoard(bundles, maxPages);

  const outcomeOf = async ({ hosts: [host, ...others] }: Bundle): Promise<Outcome | undefined> => {
    // Each is a read and some cleaning: others get their turn between them.
    await breathe();
    const outcome = (await facts.findJob(run.id, host))?.outcome;
    const target = findTarget(plan, host);
    return outcome === undefined || target === undefined || (others.length === 0 && plan.fold !== 'similar')
      ? outcome
      : generalize(outcome, target, plan.fold ?? 'exact');
  };
  const compared = plan.diff === true ? chooseReference(bundles) : undefined;
  const reference = compared && { bundle: compared, outcome: await outcomeOf(compared) };

  const entries: BoardEntry[] = [];
  for (const bundle of shown) {
    const outcome = await outcomeOf(bundle);
    if (outcome === undefined) continue;
    entries.push(
      formatBundle(run, bundle, outcome, {
        maxChars,
        nameSet,
        where: {
          kept: `all that was kept is in ${run.id}.txt in this thread`,
          spooled: `kept: ${run.id}.txt in this thread says where`,
        },
        ...(reference?.outcome !== undefined && bundle !== reference.bundle
          ? { reference: { bundle: reference.bundle, outcome: reference.outcome } }
          : {}),
      }),
    );
  }
  const summary =
    plan.work.action === 'ping' && run.state === 'finished' ? pingTable(await listPings(facts, run)) : [];
  await breathe();
  return formatBoard(run, { entries, rest, firstContacts, summary, maxPages, nameSet });
}
