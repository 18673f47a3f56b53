import type { RequestedRun, RequestedWork } from '../command/request.ts';
import { Refusal } from '../errors.ts';
import type { RunWork, SentFile, Work } from '../run/plan.ts';
import type { Asking } from '../run/planning.ts';
import { fetchShared, findShared, localNameOf, type SharedFileSource, sharedName } from './shared-file.ts';

/** A script and what a command reads are held in memory while they are sent. */
const MAX_SCRIPT_BYTES = 1024 * 1024;
const MAX_STDIN_BYTES = 16 * 1024 * 1024;

/** The work before the disk, or Slack, was asked: good for judging, not for sending. */
export function draftWork(work: RequestedWork, channelId: string): Work {
  const draft = (local: string): SentFile => {
    const name = sharedName(local);
    const here = name === undefined ? local : localNameOf(channelId, name);
    return { local: here, source: { bytes: 0, sha256: '' } };
  };
  if (work.action === 'put') return { ...work, ...draft(work.local) };
  if (work.action === 'get' || work.action === 'ping') return work;
  return withFiles(work, {
    ...(work.script && { script: { ...draft(work.script.local), args: work.script.args } }),
    ...(work.stdin && { stdin: draft(work.stdin.local) }),
  });
}

/** The work with its files at hand: those of the folder as they are now, those of Slack's fetched. */
export async function bringWork(
  context: SharedFileSource,
  asking: Asking,
  work: RequestedWork,
): Promise<Work> {
  const bring = async (local: string, isFolder?: boolean): Promise<SentFile> => {
    const name = sharedName(local);
    if (name === undefined) return await fixFile(context, { local }, isFolder);
    return await fetchShared(context, await findShared(context, asking, name));
  };
  switch (work.action) {
    case 'put':
      return { ...work, ...(await bring(work.local, work.options?.folder)) };
    case 'get':
      await context.transfers.checkDestination(work.local);
      return work;
    case 'run': {
      const { script, stdin } = work;
      const brought = withFiles(work, {
        ...(script && { script: { ...(await bring(script.local)), args: script.args } }),
        ...(stdin && { stdin: await bring(stdin.local) }),
      });
      await checkInputs(context, brought);
      return brought;
    }
    case 'ping':
      return work;
    default:
      return work satisfies never;
  }
}

/** The same for a work that was put down before: its files as they are now. */
export async function fixWork(context: SharedFileSource, work: Work): Promise<Work> {
  switch (work.action) {
    case 'put':
      return { ...work, ...(await fixFile(context, work, work.options?.folder)) };
    case 'get':
      await context.transfers.checkDestination(work.local);
      return work;
    case 'run': {
      const { script, stdin } = work;
      return {
        ...work,
        ...(script && { script: { ...script, ...(await fixFile(context, script)) } }),
        ...(stdin && { stdin: { ...stdin, ...(await fixFile(context, stdin)) } }),
      };
    }
    case 'ping':
      return work;
    default:
      return work satisfies never;
  }
}

function withFiles(
  { action, command, sudo, env }: RequestedRun,
  files: Pick<RunWork, 'script' | 'stdin'>,
): RunWork {
  return { action, command, ...(sudo !== undefined && { sudo }), ...(env && { env }), ...files };
}

async function fixFile(
  { transfers }: SharedFileSource,
  file: Pick<SentFile, 'local' | 'shared'>,
  isFolder?: boolean,
): Promise<SentFile> {
  const { local, shared } = file;
  return {
    local,
    ...(shared && { shared }),
    source: await transfers.digestSource(local, isFolder),
    origins: await transfers.originsOf(local, isFolder),
  };
}

/** What could not be sent as it is, or is no script, is said before anything is put down. */
async function checkInputs({ transfers }: SharedFileSource, { script, stdin }: RunWork): Promise<void> {
  if (stdin !== undefined && stdin.source.bytes > MAX_STDIN_BYTES)
    throw tooLarge('stdin', stdin, MAX_STDIN_BYTES);
  if (script === undefined) return;
  const bytes = await transfers.read(script.local, MAX_SCRIPT_BYTES);
  if (bytes === null) throw tooLarge('script', script, MAX_SCRIPT_BYTES);
  const start = bytes.subarray(0, 4_096);
  const first = new TextDecoder().decode(start).split('\n', 1)[0] ?? '';
  if (bytes.length === 0 || start.includes(0)) {
    throw new Refusal('usage', `${script.local} is ${bytes.length === 0 ? 'empty' : 'no script'}.`, {
      remedy: 'A program is put onto the hosts with /batch_scp, and run with -cmd.',
      about: 'command',
    });
  }
  if (first.endsWith('\r') || !isInterpreter(first)) {
    const why = first.endsWith('\r')
      ? 'its lines end in CR LF'
      : 'its first line names no program by its full path';
    throw new Refusal('usage', `${script.local} would not run: ${why}.`, {
      remedy: 'A script begins with a line such as #!/bin/sh, or with none of the kind, and is sh’s then.',
      about: 'command',
    });
  }
}

/** As the kernel reads it, or none of the kind. */
function isInterpreter(line: string): boolean {
  return !line.startsWith('#!') || /^#![ \t]*\/[!-~]+([ \t][ -~\t]*)?$/.test(line);
}

function tooLarge(option: 'script' | 'stdin', { local }: SentFile, maxBytes: number): Refusal {
  return new Refusal(
    'usage',
    `${local} is larger than the ${maxBytes / 1024 / 1024} MiB that -${option} takes.`,
    {
      remedy: 'Put it onto the hosts with /batch_scp, and name it in a command.',
      about: 'command',
    },
  );
}
