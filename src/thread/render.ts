import { formatAuditLine } from '../report/audit-line.ts';
import type { FileUpload, Message } from '../report/message.ts';
import { type Run, totalJobs } from '../run/run.ts';
import { openBoards } from './board/open-boards.ts';
import { formatCanary } from './canary.ts';
import type { ThreadFacts } from './facts.ts';
import { renderHostFile, renderLog, renderSpooled } from './files/files.ts';
import { formatFollowed } from './reply/live.ts';
import { formatReply } from './reply/reply.ts';
import { formatRoot } from './root.ts';
import { parseKey } from './row.ts';

const SLOWEST_SHOWN = 3;

/** What Slack should show under this key; undefined where there is nothing to show (any more). */
export type Renderer = (key: string) => Promise<Message | FileUpload | undefined>;

export function createRenderer(facts: ThreadFacts): Renderer {
  const boards = openBoards(facts);
  return async (key) => {
    const subject = parseKey(key);
    if (subject === undefined) return undefined;
    if (subject.kind === 'audit') {
      const entry = await facts.findAuditEntry(subject.seq);
      return entry && formatAuditLine(entry);
    }
    const run = await facts.findRun(subject.runId);
    if (run === undefined) return undefined;
    switch (subject.kind) {
      case 'root': {
        const slowest = totalJobs(run.progress) === 1 ? [] : await facts.listSlowest(run.id, SLOWEST_SHOWN);
        const copies = isCopy(run) && run.progress.running > 0 ? await facts.copyProgress(run.id) : undefined;
        return formatRoot(run, {
          now: facts.now(),
          slowest,
          lacksWorkers: facts.lacksWorkers(),
          ...(copies === undefined ? {} : { copies }),
        });
      }
      case 'canary':
        return formatCanary(run);
      case 'board':
        return (await boards.pagesOf(run))[subject.page - 1];
      case 'log':
        return await renderLog(facts, run, subject.form);
      case 'reply':
      case 'file':
      case 'spooled': {
        const job = await facts.findJob(run.id, subject.host);
        if (job === undefined) return undefined;
        if (job.outcome === undefined) {
          const isFollowed = run.plan.follow === true && subject.kind === 'reply' && job.state === 'running';
          return isFollowed ? formatFollowed(run, job, await facts.sightOf(run.id, job.host)) : undefined;
        }
        if (subject.kind === 'reply') return formatReply(run, job);
        return subject.kind === 'file'
          ? await renderHostFile(facts, run, job)
          : renderSpooled(facts, run, job);
      }
      default:
        return subject satisfies never;
    }
  };
}

function isCopy({ plan }: Run): boolean {
  return plan.work.action === 'put' || plan.work.action === 'get';
}
