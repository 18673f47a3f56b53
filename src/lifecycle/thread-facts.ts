import type { Mask } from '../gather/mask.ts';
import { findSecret, type SecretKind } from '../gather/scan.ts';
import { maskChunks } from '../gather/spool.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { Spool } from '../ports/disk.ts';
import type { Sights } from '../ports/sights.ts';
import type { NameSet } from '../report/text/host-names.ts';
import type { FetchedFile, ThreadFacts } from '../thread/facts.ts';
import type { RunContext } from './execution.ts';
import { sha256 } from './sha256.ts';
import { lacksWorkers } from './workers.ts';

/** What a thread is told from besides the store; each is left out where it is not to be had. */
export interface ThreadSources {
  readonly spool?: Spool;
  readonly sights?: Sights;
  /** Looks through a fetched file in a process that knows the secrets of hosts. */
  readonly findElsewhere?: ((file: FetchedFile) => Promise<SecretKind | undefined>) | undefined;
}

export function threadFacts(
  context: Omit<RunContext, 'allowlist' | 'directory'>,
  maskNow: () => Mask,
  { spool, sights, findElsewhere }: ThreadSources = {},
): ThreadFacts {
  const { store, transfers, now } = context;
  let groups: { readonly of: Inventory; readonly nameSet: NameSet } | undefined;
  return {
    findRun: (runId) => store.findRun(runId),
    findJob: (runId, host) => store.findJob(runId, host),
    listFoldRows: (runId) => store.listFoldRows(runId),
    readJobs: (runId) => store.readJobs(runId),
    listSlowest: (runId, count) => store.listSlowest(runId, count),
    copyProgress: async (runId) => (await sights?.ofRun(runId))?.copies,
    sightOf: async (runId, host) => await sights?.ofHost(runId, host),
    findAuditEntry: (seq) => store.audit.find(seq),
    readFetched: (path, maxBytes) => transfers.read(path, maxBytes),
    digest: sha256,
    readSpooled: async (path) => await spool?.read(path),
    nameSet(hosts) {
      const { inventory } = context;
      // The inventory may be read again.
      if (groups?.of !== inventory) groups = { of: inventory, nameSet: nameGroups(inventory) };
      return groups.nameSet(hosts);
    },
    masked: (text) => maskNow().text(text),
    maskedChunks: (chunks) => maskChunks(chunks, maskNow()),
    lacksWorkers: () => lacksWorkers(store),
    findSecret: async (bytes, file) => (await findSecret(bytes, maskNow())) ?? (await findElsewhere?.(file)),
    now,
  };
}

/** A group's name for a set of hosts that is exactly that group; of several, the first. */
function nameGroups({ groups }: Inventory): NameSet {
  const sets = Array.from(groups.values(), ({ name, hosts }) => ({
    name,
    hosts: new Set(hosts.map((host) => host.name)),
  }));
  return (hosts) =>
    sets.find((group) => group.hosts.size === hosts.length && hosts.every((host) => group.hosts.has(host)))
      ?.name;
}
