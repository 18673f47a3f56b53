import { Refusal } from '../errors.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { Crew, Member } from '../ports/crew.ts';
import type { HostKeyring } from '../ports/hosts.ts';
import { areSameKeys, type HostKeyPolicy, type KeyReport, type TrustableReport } from '../run/host-key.ts';
import type { Target } from '../run/plan.ts';
import { isSameTarget, planTarget } from '../run/planning.ts';
import { answering, askPart } from './asking.ts';

const LOOK = 'look-at-keys';
const TRUST = 'trust-keys';
/** A worker has 25 s for all hosts of a look. */
const PATIENCE_MS = 30_000;

/**
 * Host keys, for a bot that never dials a host: a worker looks, and a yes goes to each worker that is there, as each
 * may have a known_hosts of its own.
 */
export function distantKeyring(crew: Crew, policy: HostKeyPolicy): HostKeyring {
  return {
    policy,
    async look(hosts) {
      const workers = await workersOf(crew);
      const ask = (of: Member | 'worker') =>
        askPart<readonly KeyReport[]>(crew, of, LOOK, hosts.map(planTarget), PATIENCE_MS);
      if (workers.length < 2) return await ask('worker');
      const all = await Promise.allSettled(workers.map(ask));
      const told = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      if (told.length === 0) return await ask('worker');
      return hosts.flatMap(
        ({ name }) =>
          leastKnown(told.flatMap((reports) => reports.find(({ host }) => host === name) ?? [])) ?? [],
      );
    },
    async trust(reports, record) {
      const workers = await workersOf(crew);
      if (workers.length === 0) {
        return { kind: 'failed', reason: 'No host key was written: no worker is there' };
      }
      // What somebody says yes to is put down before any of them may write.
      await record(reports);
      const all = await Promise.allSettled(workers.map((worker) => tell(crew, worker, reports)));
      const silent = all.filter(({ status }) => status === 'rejected').length;
      if (silent > 0) {
        const which = `${silent} of ${workers.length} workers`;
        const others = silent === workers.length ? '' : ', and others may have';
        return {
          kind: 'failed',
          reason: `${which} did not say that they wrote the keys down${others}; ask /batch trust again once they answer`,
        };
      }
      const lists = all.flatMap((one) => (one.status === 'fulfilled' ? [new Set(one.value)] : []));
      const written = reports.filter(({ host }) => lists.every((list) => list.has(host)));
      return { kind: 'done', written, stale: reports.filter((report) => !written.includes(report)) };
    },
  };
}

async function workersOf(crew: Crew): Promise<readonly Member[]> {
  return (await crew.others()).filter(({ role }) => role === 'worker');
}

/** Each may have a known_hosts of its own: a key is known once all of them have it. */
function leastKnown(reports: readonly KeyReport[]): KeyReport | undefined {
  return (
    reports.find(({ kind }) => kind !== 'same' && kind !== 'unreachable') ??
    reports.find(({ kind }) => kind === 'same') ??
    reports[0]
  );
}

function tell(crew: Crew, worker: Member, reports: readonly TrustableReport[]): Promise<readonly string[]> {
  return askPart(crew, worker, TRUST, reports, PATIENCE_MS);
}

/** A worker's side: what the other says of a host has to be what the inventory here says. */
export function answerForKeys(keyring: HostKeyring, fleet: { readonly inventory: Inventory }) {
  const find = (name: string) => fleet.inventory.hosts.get(name.toLowerCase());
  return {
    [LOOK]: answering<readonly Target[]>(async (targets) => {
      const hosts = targets.flatMap((target) => {
        const host = find(target.host);
        return host !== undefined && isSameTarget(planTarget(host), target) ? [host] : [];
      });
      const reports = await keyring.look(hosts);
      return targets.map((target): KeyReport => {
        const report = reports.find(({ host }) => host.toLowerCase() === target.host.toLowerCase());
        if (report !== undefined) return report;
        const reason = 'the worker has no such host, or another address or login for it, in its inventory';
        return { kind: 'unreachable', host: target.host, place: target.ip, reason };
      });
    }),
    [TRUST]: answering<readonly TrustableReport[]>(async (reports) => {
      if (keyring.policy === 'strict' || keyring.policy === 'off') {
        throw new Refusal('not-now', `BATCHOPS_HOST_KEY_POLICY of this worker is ${keyring.policy}`);
      }
      const result = await keyring.trust(reports, async () => {});
      if (result.kind === 'failed') throw new Refusal('not-now', result.reason);
      const written = result.written.map(({ host }) => host);
      if (result.stale.length === 0) return written;
      // Another worker on the same file may have written it just now.
      const hosts = result.stale.flatMap(({ host }) => find(host) ?? []);
      const now = await keyring.look(hosts);
      const same = result.stale.filter(({ host, offered }) =>
        now.some((one) => one.kind === 'same' && one.host === host && areSameKeys(one.offered, offered)),
      );
      return [...written, ...same.map(({ host }) => host)];
    }),
  };
}
