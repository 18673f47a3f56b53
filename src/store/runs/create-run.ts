import { randomBytes } from 'node:crypto';
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import { Refusal } from '../../errors.ts';
import type { Approved } from '../../policy/approved.ts';
import { checkShares, type Shares, type Unfinished } from '../../policy/shares.ts';
import { keepStart, NOT_ON_RECORD } from '../../run/audit-entry.ts';
import { bareOutcome } from '../../run/outcome.ts';
import { canonicalPlan, filesOf, type Plan, type Requester, type RunWork } from '../../run/plan.ts';
import { type BegunRun, type Click, type EndedJob, formatRunId } from '../../run/run.ts';
import { oweRoot } from '../../thread/layout.ts';
import { breathe } from '../../time/breathe.ts';
import { sha256 } from '../audit/sha256.ts';
import { appendAudit } from '../audit.ts';
import { inChunks } from '../jobs/pieces.ts';
import { type Ledger, settleJobs } from '../jobs/settle.ts';
import { oweRows } from '../outbox/owed-rows.ts';
import { linkReceived } from '../people/received.ts';
import { beginRollout } from '../rollout/steps.ts';
import type { RunTable, Schema } from '../schema.ts';
import { transact } from '../transact.ts';
import { sealWork } from './sealed-work.ts';

/** Four letters are a million names; where one is taken this often in a row, the next names are longer. */
const TRIES_PER_LENGTH = 4;
const SHORTEST_ID = 4;

/** How the request is known. */
interface Requested {
  readonly requestKey: string;
  readonly click: Click | undefined;
  /** What it was noted under as it came in, where that is another key. */
  readonly receivedAs: string | undefined;
}

/** What a new run has to pass. */
interface Admission {
  readonly shares: Shares;
  /** Why there is no room for one more, a clause; undefined where there is. */
  readonly shortage: string | undefined;
}

/** Puts the run down. The same request twice finds the first run, as does the same click on a button. */
export async function createRun(
  ledger: Ledger,
  approved: Approved<Plan>,
  { shares, shortage }: Admission,
  { requestKey, click, receivedAs = requestKey }: Requested,
): Promise<{ readonly runId: string; readonly isNew: boolean }> {
  // What is only there to be read is masked. The command stays as it is, or a run that goes on after a restart
  // would do something else; where it holds a secret, only until the run has ended.
  const readable: Plan = { ...approved, typed: ledger.mask(approved.typed) };
  const { stored, row: sealed } = sealWork(readable, ledger.mask);
  const plan: Plan = { ...stored, work: approved.work };
  const planJson = canonicalPlan(stored);
  const planHash = sha256(planJson);
  await breathe();
  let created: string | undefined;
  const put = transact(ledger.db, async (trx) => {
    const first = await findFirst(trx, requestKey, click);
    if (first !== undefined) return { runId: first.id, isNew: false };

    if (shortage !== undefined) {
      throw new Refusal('not-now', `Nothing was run: ${shortage}.`, {
        remedy: 'An administrator of the bot has to raise the limit, or to have less kept.',
      });
    }
    checkShares(shares, await countUnfinished(trx, plan.requester), plan);
    const at = ledger.now();
    const runId = await nameRun(trx);
    created = runId;
    ledger.plans.keep(runId, plan);
    const { runs: number } = await trx
      .updateTable('audit_head')
      .set({ runs: sql`runs + 1` })
      .where('id', '=', 1)
      .returning('runs')
      .executeTakeFirstOrThrow();
    await trx
      .insertInto('run')
      .values({
        id: runId,
        number,
        request_key: click === undefined ? requestKey : clickKey(requestKey, click.id),
        plan_json: planJson,
        plan_hash: planHash,
        action: plan.work.action,
        team_id: plan.requester.teamId,
        user_id: plan.requester.userId,
        channel_id: plan.channelId,
        state: 'opening',
        created_at: at,
      })
      .execute();
    await beginRollout(trx, runId, plan);
    await linkReceived(trx, receivedAs, runId);
    if (sealed !== undefined) {
      await trx
        .insertInto('sealed')
        .values({ run_id: runId, ...sealed })
        .execute();
    }
    // In one piece: to ask for it job by job takes five times as long as all the rest.
    const chance = randomBytes(plan.targets.length * CHANCE_BYTES);
    const jobs = plan.targets.map(({ host, skip }, position) => ({
      id: formatJobId(at, position, chance),
      host,
      position,
      skip,
    }));
    for (const chunk of inChunks(jobs)) {
      await trx
        .insertInto('job')
        .values(
          chunk.map(({ id, host, position }) => ({ id, run_id: runId, position, host, state: 'queued' })),
        )
        .execute();
      await breathe();
    }
    const thread = { turn: runId, runId, channelId: plan.channelId, isOpen: false };
    await oweRows(trx, thread, oweRoot(runId, at));
    const skipped = jobs.flatMap(({ id, host, skip }): EndedJob[] =>
      skip === undefined ? [] : [{ job: { id, runId, host }, outcome: bareOutcome('skipped', skip) }],
    );
    if (skipped.length > 0) await settleJobs(ledger, trx, skipped, 'queued', at);
    await appendAudit(
      trx,
      {
        at,
        by: plan.requester,
        action: 'accepted',
        runId,
        channelId: plan.channelId,
        detail: { number, ...acceptedDetail(ledger, plan, planHash) },
      },
      ledger.auditLines,
    );
    return { runId, isNew: true };
  });
  return put.catch((error: unknown) => {
    if (created !== undefined) ledger.plans.release(created);
    throw error;
  });
}

/** The run that this request has begun already. A click is known by its own key, or by how soon it came. */
async function findFirst(trx: Transaction<Schema>, requestKey: string, click?: Click) {
  const runs = trx.selectFrom('run');
  if (click === undefined)
    return await runs.select('id').where('request_key', '=', requestKey).executeTakeFirst();
  const same = await runs
    .select('id')
    .where('request_key', '=', clickKey(requestKey, click.id))
    .executeTakeFirst();
  if (same !== undefined) return same;
  const newest = await runs
    .select(['id', 'state', 'root_ts', 'root_lost', 'created_at', 'finished_at'])
    .where('request_key', '>=', clickKey(requestKey, '0'))
    .where('request_key', '<', clickKey(requestKey, ':'))
    .orderBy('number', 'desc')
    .executeTakeFirst();
  return newest !== undefined && click.isSame(begunRunOf(newest)) ? newest : undefined;
}

function begunRunOf(
  row: Pick<Selectable<RunTable>, 'state' | 'root_ts' | 'root_lost' | 'created_at' | 'finished_at'>,
): BegunRun {
  return {
    state: row.state,
    createdAt: row.created_at,
    ...(row.root_ts !== null && { rootTs: row.root_ts }),
    ...(row.root_lost > 0 && { isReposted: true as const }),
    ...(row.finished_at !== null && { finishedAt: row.finished_at }),
  };
}

/** Ids are digits, which come before a colon: all of a button's lie together. */
export function clickKey(requestKey: string, id: number | string): string {
  return `${requestKey}:${id}`;
}

function acceptedDetail(ledger: Ledger, plan: Plan, planHash: string): Readonly<Record<string, unknown>> {
  const { work } = plan;
  const words =
    work.action === 'run'
      ? {
          command: work.command,
          ...(work.sudo !== undefined && { sudo: work.sudo }),
          ...(work.script && { script: work.script.local }),
          ...(work.stdin && { stdin: work.stdin.local }),
        }
      : work.action === 'ping'
        ? {}
        : { local: work.local, remote: work.remote };
  return {
    planHash,
    action: work.action,
    ...Object.fromEntries(Object.entries(words).map(([key, text]) => [key, ledger.mask(text)])),
    ...('options' in work && work.options !== undefined && { options: work.options }),
    ...(work.action === 'put' && {
      source: work.source,
      shared: work.shared,
      origins: work.origins?.length === 0 ? NOT_ON_RECORD : work.origins,
    }),
    ...(work.action === 'run' && detailOfRun(work, ledger.mask)),
    count: plan.targets.length,
    skipped: plan.targets.filter(({ skip }) => skip !== undefined).length,
    fanOut: plan.fanOut,
    timeLimitMs: plan.timeLimitMs,
    ...(plan.idleMs !== undefined && { idleMs: plan.idleMs }),
    ...(plan.rollout !== undefined && { rollout: plan.rollout }),
    ...(plan.order !== undefined && { order: plan.order }),
    ...(plan.picked !== undefined && { picked: plan.picked }),
    typed: keepStart(plan.typed),
    ...(plan.retryOf !== undefined && { retryOf: plan.retryOf }),
    hosts: plan.targets.map(({ host }) => host),
  };
}

function detailOfRun(work: RunWork, mask: (text: string) => string): Readonly<Record<string, unknown>> {
  const { script, env } = work;
  const files = filesOf(work).map(({ local, source, shared, origins }) => ({
    local: mask(local),
    source,
    shared,
    origins: origins?.length === 0 ? NOT_ON_RECORD : origins,
  }));
  return {
    ...(script && { args: script.args.map(mask) }),
    ...(env && { env: env.map(([name, value]) => `${name}=${mask(value)}`) }),
    ...(files.length > 0 && { files }),
  };
}

export async function countUnfinished(
  trx: Kysely<Schema>,
  { teamId, userId }: Requester,
): Promise<Unfinished> {
  const unfinished = trx
    .selectFrom('run')
    .where('finished_at', 'is', null)
    .where('team_id', '=', teamId)
    .where('user_id', '=', userId);
  const { runs } = await unfinished
    .select((run) => run.fn.countAll<number>().as('runs'))
    .executeTakeFirstOrThrow();
  const jobs = await trx
    .selectFrom('job')
    .select(['state', (job) => job.fn.countAll<number>().as('count')])
    .where('run_id', 'in', unfinished.select('id'))
    .where('state', 'in', ['queued', 'running'])
    .groupBy('state')
    .execute();
  const countOf = (wanted: string): number => jobs.find(({ state }) => state === wanted)?.count ?? 0;
  return { runs, waiting: countOf('queued'), running: countOf('running') };
}

async function nameRun(trx: Transaction<Schema>): Promise<string> {
  for (let tries = 0; ; tries++) {
    const id = formatRunId(randomBytes(SHORTEST_ID + Math.floor(tries / TRIES_PER_LENGTH)));
    const taken = await trx.selectFrom('run').select('id').where('id', '=', id).executeTakeFirst();
    if (taken === undefined) return id;
  }
}

/** Of a job's id. */
const CHANCE_BYTES = 6;

/** UUID version 7: sorts by time, then by place in the plan; what queue engines take as an id. */
function formatJobId(at: number, position: number, chance: Buffer): string {
  const time = at.toString(16).padStart(12, '0');
  const high = ((position >>> 12) & 0xfff).toString(16).padStart(3, '0');
  const low = (0x8000 | (position & 0xfff)).toString(16);
  const own = chance.toString('hex', position * CHANCE_BYTES, (position + 1) * CHANCE_BYTES);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${low}-${own}`;
}
