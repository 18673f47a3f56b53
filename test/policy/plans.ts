import type { Inventory } from '../../src/inventory/inventory.ts';
import { type Allowlist, parseAllowlist } from '../../src/policy/allowlist.ts';
import type { Plan, Work } from '../../src/run/plan.ts';
import { fleet } from '../inventory/inventories.ts';

export const inventory = fleet(['web01', 'web02', 'db01', 'db02', 'bastion'], {
  web: ['web01', 'web02'],
  db: ['db01', 'db02'],
});

export function allow(text: string, against: Inventory = inventory): Allowlist {
  return parseAllowlist(text, 'allowlist.ini', against);
}

export function rule(keys: Readonly<Record<string, string>> = {}, name = 'r'): string {
  const all = {
    users: 'U1',
    channels: '*',
    hosts: 'all',
    actions: 'run, put, get',
    commands: '*',
    paths: '*',
    ...keys,
  };
  const lines = Object.entries(all).map(([key, value]) => `${key} = ${value}\n`);
  return `[${name}]\n${lines.join('')}`;
}

export const run = (command: string): Work => ({ action: 'run', command });
export const put = (local: string, remote: string): Work => ({
  action: 'put',
  local,
  remote,
  source: { bytes: 1, sha256: '00' },
});
export const get = (remote: string): Work => ({ action: 'get', local: 'x', remote });

export function planOf(
  userId: string,
  channelId: string,
  [first = 'web01', ...rest]: readonly string[],
  work: Work = run('uptime'),
): Plan {
  const target = (host: string) => ({ host, ip: '10.0.0.1', port: 22, user: 'root' });
  return {
    work,
    targets: [target(first), ...rest.map(target)],
    fanOut: 1,
    timeLimitMs: 1_000,
    requester: { teamId: 'T1', userId },
    channelId,
    typed: '/batch_run …',
  };
}
