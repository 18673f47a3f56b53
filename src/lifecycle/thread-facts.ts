import type { Mask } from '../gather/mask.ts';
import { maskChunks } from '../gather/spool.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { Spool } from '../ports.ts';
import type { NameSet } from '../report/text/host-names.ts';
import type { ThreadFacts } from '../thread/facts.ts';
import type { Ground } from './execution.ts';

/** Where a run's thread is told from. `spool` is left out where nothing is kept on disk. */
export function threadFacts(
  { store, transfers, inventory, now }: Omit<Ground, 'allowlist' | 'directory'>,
  mask: Mask,
  spool?: Spool,
): ThreadFacts {
  return {
    findRun: (runId) => store.findRun(runId),
    findJob: (runId, host) => store.findJob(runId, host),
    listFoldRows: (runId) => store.listFoldRows(runId),
    readJobs: (runId) => store.readJobs(runId),
    listSlowest: (runId, count) => store.listSlowest(runId, count),
    findAuditEntry: (seq) => store.audit.find(seq),
    readFetched: (path, maxBytes) => transfers.read(path, maxBytes),
    readSpooled: async (path) => await spool?.read(path),
    nameSet: nameGroups(inventory),
    masked: (text) => mask.text(text),
    maskedChunks: (chunks) => maskChunks(chunks, mask),
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
