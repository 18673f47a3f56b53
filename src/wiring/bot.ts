import own from '../../package.json' with { type: 'json' };
import { limitsOf } from '../config/config.ts';
import { distantKeyring } from '../crew/keys.ts';
import { distantSecrets } from '../crew/secrets.ts';
import { tellStandings } from '../crew/standings.ts';
import type { RequestContext } from '../lifecycle/begin-run.ts';
import type { CopyMeters } from '../lifecycle/live/copy-meters.ts';
import { closeUnopenedRuns } from '../lifecycle/open-run.ts';
import { Presence } from '../lifecycle/presence.ts';
import { threadFacts } from '../lifecycle/thread-facts.ts';
import type { Store } from '../ports/store.ts';
import { Anchors } from '../process/anchors.ts';
import { beatBy, readBeat } from '../process/clocks.ts';
import { findTrouble } from '../process/condition.ts';
import { heedSignals } from '../process/shutdown.ts';
import { openRequests } from '../requests/open-requests.ts';
import { openSlack, type SlackConnection } from '../slack/connection.ts';
import { createDirectory } from '../slack/directory.ts';
import { createOpener } from '../slack/outgoing/opener.ts';
import { openPoster, type Poster } from '../slack/outgoing/poster.ts';
import { createSharedFiles } from '../slack/shared-files.ts';
import { formatThreadLink, openWorkspace, type Workspace } from '../slack/workspace.ts';
import { createRenderer } from '../thread/render.ts';
import type { Backend } from './backend.ts';
import { announce, joinCrew } from './crew.ts';
import { followFiles, openLooks, startJobs } from './jobs.ts';
import type { Setup } from './setup.ts';

/** How often a process looks for what others that are gone left to be told. */
const LOOK_AFTER_MS = 5_000;

/** What requests are heard and carried out with. */
interface Parts extends Setup, Backend {
  readonly context: RequestContext;
  readonly workspace: Workspace;
}

/** It hears and tells Slack; and, where it does all of the work, logs in to hosts. The port of HTTP mode. */
export async function serveSlack(setup: Setup, backend: Backend): Promise<number | undefined> {
  const { bot } = setup;
  const { store, transport } = backend;
  await joinCrew(setup, store);
  const workspace = await reachSlack(setup, store);
  const context = openContext(setup, backend, workspace);
  const parts: Parts = { ...setup, ...backend, context, workspace };
  await closeUnopenedRuns(context);
  const slack = await openListeners(parts);
  const presence = await openPresence(parts);
  await noticeOthers(parts);
  bot.anchors = await Anchors.open({ anchor: (when) => store.anchorAudit(when), log: setup.log });
  bot.phase = 'open';
  const looks = openLooks(setup, backend);
  if (transport !== undefined) startJobs(setup, context, transport, looks, () => presence.check());
  bot.poster = openPosterOf(parts, looks.copies);
  followFiles(setup, backend, context);
  if (store.isShared) lookAfterOthers(parts, slack);
  if (transport === undefined) bot.crew?.serve(tellStandings(context.directory));
  // Only now: what was away for too long is held, and nobody has begun with it.
  if (bot.crew !== undefined) await announce(bot.crew, setup.config.role);
  bot.crew?.onChange(() => void showRoots(context).catch(() => {}));
  return slack.port;
}

async function reachSlack(
  { config, mask, log, meters, steady, bot }: Setup,
  store: Store,
): Promise<Workspace> {
  const workspace = await openWorkspace(config.slack, {
    mask: (text, typed) => mask.now().text(text, typed),
    log,
    meters,
    clock: steady,
    ...(store.isShared && { processId: store.self, isReplica: store.isReplica }),
    onWaiting: (why) => {
      bot.waitingFor = why;
    },
  });
  bot.workspace = workspace;
  return workspace;
}

function openContext(
  { asked, config, openFiles, fleet, log, meters, steady, bot }: Setup,
  { store, transfers, transport, live }: Backend,
  workspace: Workspace,
): RequestContext {
  const keyring = transport?.keyring ?? (store.crew && distantKeyring(store.crew, config.hostKeyPolicy));
  if (keyring === undefined) throw new Error('nobody is there who looks at host keys');
  return {
    // Both may be read again at any time.
    get inventory() {
      return fleet.inventory;
    },
    get allowlist() {
      return fleet.allowlist;
    },
    directory: createDirectory(workspace, log),
    store,
    opener: createOpener(workspace, log, steady, (channelId) => bot.poster?.worked(channelId)),
    sharedFiles: createSharedFiles(config.slack, workspace, log),
    keyring,
    threadLink: (channelId, ts) => formatThreadLink(workspace, channelId, ts),
    otherBot: () => workspace.others.seen()[0],
    transfers,
    limits: limitsOf(asked, config, openFiles.limit),
    live,
    meters,
    slashText: config.slashText,
    version: own.version,
    abort: (jobs) => bot.dispatcher?.cancel(jobs),
    isOpen: () => bot.phase !== 'stopping',
    log,
    now: Date.now,
  };
}

async function openListeners(parts: Parts): Promise<SlackConnection> {
  const { config, log, meters, bot, end, exit, context, workspace } = parts;
  const slack = await openSlack({
    settings: config.slack,
    workspace,
    desk: openRequests(context),
    received: context.store.received,
    describeTrouble: (error) => context.store.describeTrouble(error),
    log,
    meters,
    onFatal: (error) => {
      log.fatal({ err: error }, 'Slack refuses us; stopping');
      process.exitCode = 1;
      end();
    },
  });
  bot.slack = slack;
  // Nothing is on the wire before this line: whatever kept the start from getting here has run nothing.
  heedSignals({ log, end, exit });
  return slack;
}

async function openPresence({ config, log, bot, opened, store }: Parts): Promise<Presence> {
  return opened.adopt(
    await Presence.open({
      store,
      read: store.isShared ? beatBy(store.clock) : readBeat,
      trouble: () => findTrouble(bot, store),
      resumeWithinMs: config.resumeWithinMs,
      log,
    }),
    (it) => it.close(),
  );
}

function openPosterOf(
  { config, mask, log, store, spool, live, context, workspace }: Parts,
  copies: CopyMeters,
): Poster {
  const findElsewhere = config.role === 'bot' && store.crew ? distantSecrets(store.crew) : undefined;
  return openPoster({
    outbox: store.outbox,
    places: store.places,
    render: createRenderer(
      threadFacts(context, () => mask.now(), { spool, copies, outputs: live, findElsewhere }),
    ),
    workspace,
    log,
    now: store.clock,
  });
}

/** Before we write anything ourselves: what is in the channel now is of the past. The line tells the other of us. */
async function noticeOthers({ config, log, opened, store, workspace }: Parts): Promise<void> {
  const { auditChannel } = config;
  workspace.others.onSeen(() => {
    const reason = "another process writes with this bot's token: each is given a part of the commands";
    store.recordEvent({ action: 'other-process', detail: { reason } }).catch((error: unknown) => {
      log.error({ err: error }, 'another process could not be recorded');
    });
  });
  if (auditChannel === undefined) return;
  opened.adopt(await workspace.others.watch(workspace.posts, auditChannel), (it) => it.close());
}

/** What another process had begun with as it ended is seen to here: runs without a thread, people without an answer. */
function lookAfterOthers({ context, log, opened }: Parts, slack: SlackConnection): void {
  const look = async (): Promise<void> => {
    await closeUnopenedRuns(context);
    await slack.tellUnanswered();
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) => log.warn({ err: error }, 'what others left is looked for again'));
  }, LOOK_AFTER_MS).unref();
  opened.defer(() => clearInterval(timer));
}

/** What they say of workers has changed. */
async function showRoots({ store }: RequestContext): Promise<void> {
  for (const run of await store.openRuns()) if (run.progress.queued > 0) await store.refreshRoot(run.id);
}
