import { readFileSync } from 'node:fs';
import type { Config } from '../config/config.ts';

/** Files that the rest of the process has open, or may come to: Slack, the database, whoever asks for metrics, names being looked up. */
const OWN_FILES = 128;

/** Of a job on the wire: its socket, one of a host on the way or of an agent, and two of its output or its copy. */
const JOB_FILES = 4;

/** How many files, sockets among them, the process may have open, and what that leaves for hosts. */
export interface OpenFiles {
  readonly limit: number;
  /** Jobs at once. */
  readonly jobs: number;
  /** Connections that may be kept while so many jobs are on the wire. */
  kept(jobs: number): number;
}

export function shareOpenFiles(limit: number): OpenFiles {
  const forHosts = limit - OWN_FILES;
  return {
    limit,
    jobs: Math.max(1, Math.trunc(forHosts / JOB_FILES)),
    kept: (jobs) => Math.max(0, forHosts - jobs * JOB_FILES),
  };
}

/** Settings of which no job fails for want of a file; what one person may have goes down with what all may. */
export function fitOpenFiles(config: Config, { jobs }: OpenFiles): Config {
  if (config.concurrency <= jobs) return config;
  const { person } = config;
  const slots = Math.max(1, Math.trunc((jobs * person.slots) / config.concurrency));
  return { ...config, concurrency: jobs, person: { ...person, slots } };
}

/** The soft limit; Node raises it to the hard one as it starts, which only an administrator can raise. */
export function openFilesLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? 65_536 : Number(soft);
  } catch {
    // No /proc: macOS allows Node some ten thousand.
    return 1_024;
  }
}
