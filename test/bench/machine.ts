import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** What the figures were measured on: without it they say nothing. */
export function machineFacts() {
  return {
    at: new Date().toISOString(),
    commit: firstLine('git', ['rev-parse', '--short', 'HEAD']),
    cpu: cpus()[0]?.model ?? 'unknown CPU',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.versions.node,
    ssh: firstLine('sh', ['-c', 'ssh -V 2>&1']),
    loadBefore: loadavg().map(round2),
  };
}

function firstLine(program: string, args: readonly string[]): string {
  try {
    return (
      execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')[0] ??
      ''
    );
  } catch {
    return 'none';
  }
}

export function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
