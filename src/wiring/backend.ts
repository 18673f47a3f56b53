import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { distantSights } from '../crew/sights.ts';
import { openDisk } from '../disk/disk.ts';
import { Contacts } from '../lifecycle/live/contacts.ts';
import { CopyMeters } from '../lifecycle/live/copy-meters.ts';
import { LiveJobs } from '../lifecycle/live/live-jobs.ts';
import { localSights } from '../lifecycle/live/local-sights.ts';
import { readBeat } from '../process/clocks.ts';
import { openHostKeys } from '../ssh/host-keys/host-keys.ts';
import { openSpoolFolder } from '../ssh/spool/spool-folder.ts';
import { openTransferFolder } from '../ssh/transfer-folder.ts';
import { openTransport } from '../ssh/transport.ts';
import { databaseFolder } from '../store/database-url.ts';
import { openStore } from '../store/open.ts';
import type { Setup } from './setup.ts';
import { partsOf } from './setup.ts';

/** The store, the disk and the transport to the hosts. */
export type Backend = Awaited<ReturnType<typeof openBackend>>;

export async function openBackend({
  config,
  openFiles,
  fleet,
  mask,
  log,
  meters,
  steady,
  bot,
  opened,
}: Setup) {
  const { databaseUrl: url, hostConcurrency, person: shares, auditChannel, transferDir } = config;
  const { resumeWithinMs } = config;
  const masked = (text: string): string => mask.now().text(text);
  const databaseDir = databaseFolder(url);
  const spoolDir = join(databaseDir, 'spool');
  const transfersDir = realpathSync(transferDir);
  const disk = opened.use(openDisk(transfersDir, { databaseDir, spoolDir }, config.disk));
  const findShortage = disk.databaseShortage;
  const store = opened.adopt(
    await openStore({
      url,
      hostConcurrency,
      shares,
      findShortage,
      auditChannel,
      ...(config.role === 'worker' && { auditLines: () => bot.auditLines ?? 'channel' }),
      resumeWithinMs,
      mask: masked,
      log,
      meters,
      steady,
      beat: readBeat,
    }),
    (it) => it.close(),
  );
  const transfers = openTransferFolder(transferDir, store.origins, disk.transfers);
  const spool = openSpoolFolder(spoolDir, log, disk.spool);
  const transport = !partsOf(config).runs
    ? undefined
    : opened.adopt(
        openTransport({
          hostKeys: await openHostKeys(config.knownHostsPath, config.hostKeyPolicy, store.recordFirstKeys),
          findHost: (name) => fleet.inventory.hosts.get(name.toLowerCase()),
          secretsMask: () => mask.now(),
          transferDir,
          origins: store.origins,
          room: disk.transfers,
          spool,
          leftovers: store.leftovers,
          mostKept: (jobs) => Math.min(config.kept.connections, openFiles.kept(jobs)),
          idleMs: config.kept.forMs,
          log,
          meters,
        }),
        (it) => it.close(),
      );
  if (transport !== undefined) bot.transport = transport;
  // A store that fails says so elsewhere; what it says next tells again.
  const onNews = (runId: string, host: string) => void store.refreshReply(runId, host).catch(() => {});
  const live = opened.adopt(new LiveJobs({ onNews, maskNow: () => mask.now() }), (it) => it.close());
  const copies = opened.adopt(
    new CopyMeters({ clock: steady, onTick: (runId) => void store.refreshRoot(runId).catch(() => {}) }),
    (it) => it.close(),
  );
  const own = localSights(live, copies);
  const here = transport === undefined ? undefined : own;
  const sights =
    store.crew === undefined
      ? own
      : distantSights({ crew: store.crew, clock: steady, ...(here && { here }) });
  // Closed once the last job has ended, and before the store.
  const contacts = opened.adopt(
    new Contacts({
      store: store.hostFacts,
      now: Date.now,
      mask: masked,
      onTrouble: (error) => log.warn({ err: error }, 'what hosts told could not be remembered'),
    }),
    (it) => it.flush(),
  );
  return {
    store,
    disk,
    transfers,
    transfersDir,
    spool,
    transport,
    looks: { jobs: live, copies, contacts },
    here,
    sights,
  };
}
