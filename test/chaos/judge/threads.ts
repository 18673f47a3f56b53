import { OUTCOME_KINDS } from '../../../src/run/outcome.ts';
import { shown } from '../../rigs/bot.ts';
import type { Asked } from '../world/asked.ts';
import { addressOf } from '../world/names.ts';
import { type StoredJob, tagOf } from '../world/store-view.ts';
import type { World } from '../world/world.ts';

/** Up to so many hosts get a reply each; of more, the files of the thread have all of it (README). */
const MAX_REPLIES = 10;

/** What is not to be read in the thread of a run, or is there otherwise than in the store. */
export function readThread(
  world: World,
  asked: Asked,
  jobs: readonly StoredJob[],
  isTold: boolean,
): readonly string[] {
  const { tag, channel } = asked;
  const hasBegun = jobs.some(({ kind }) => kind !== 'skipped');
  const root = world.rootOf(asked);
  if (root === undefined) return isTold && !hasBegun ? [] : [`${tag} has no message in ${channel}`];
  return [
    ...compareSummary(tag, root.text, jobs),
    ...(hasBegun ? compareResults(world, asked, root.ts, jobs) : []),
  ];
}

function compareSummary(tag: string, text: string, jobs: readonly StoredJob[]): readonly string[] {
  const summary = /^[^—]* of [\d,]+ in [^—]*/.exec(text)?.[0];
  if (summary === undefined)
    return [`the message of ${tag} does not say how it ended: ${text.slice(0, 200)}`];
  const stored = Map.groupBy(jobs, ({ kind }) => kind);
  return OUTCOME_KINDS.flatMap((kind) => {
    const said = Number(new RegExp(`([\\d,]+) ${kind}\\b`).exec(summary)?.[1]?.replaceAll(',', '') ?? 0);
    const count = stored.get(kind)?.length ?? 0;
    return said === count ? [] : [`the message of ${tag} says ${said} ${kind}, the store ${count}`];
  });
}

function compareResults(
  world: World,
  { tag, channel }: Asked,
  rootTs: string,
  jobs: readonly StoredJob[],
): readonly string[] {
  const said =
    jobs.length > MAX_REPLIES ? readRecords(world, channel, rootTs) : readReplies(world, channel, rootTs);
  return jobs.flatMap((job) => {
    const found = said(job);
    if (found === undefined) return [`${tag} on ${job.host} (${job.kind}) is not to be read in its thread`];
    const tags = found.split(`${addressOf(job.host)} tag=`).slice(1);
    return job.kind === 'ok' && !tags.some((rest) => tagOf(`tag=${rest}`) === tag)
      ? [`what ${job.host} said for ${tag} is not to be read in its thread`]
      : [];
  });
}

type Said = (job: StoredJob) => string | undefined;

/** The file for programs: a line a host. */
function readRecords({ slack }: World, channel: string, rootTs: string): Said {
  const lines = slack
    .thread(channel, rootTs)
    .flatMap((reply) => reply.files)
    .map((id) => slack.workspace.files.get(id))
    .filter((file) => file?.name.endsWith('.jsonl') === true)
    .flatMap((file) =>
      Buffer.from(file?.bytes ?? [])
        .toString()
        .split('\n'),
    );
  const records = new Map<string, string>();
  for (const line of lines) {
    const host = /"host":"([^"]+)","outcome":"([^"]+)"/.exec(line);
    if (host !== null) records.set(`${host[1]} ${host[2]}`, line);
  }
  return ({ host, kind }) => records.get(`${host} ${kind}`);
}

function readReplies({ slack }: World, channel: string, rootTs: string): Said {
  const texts = slack.thread(channel, rootTs).map((reply) => shown(reply));
  return ({ host, kind }) => {
    const own = texts.filter((text) => text.includes(host)).join('\n');
    return kind !== null && own.includes(kind) ? own : undefined;
  };
}
