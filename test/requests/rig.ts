import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Refusal } from '../../src/errors.ts';
import { parseInventory } from '../../src/inventory/parse-inventory.ts';
import type { RequestContext } from '../../src/lifecycle/begin-run.ts';
import { parseAllowlist } from '../../src/policy/allowlist.ts';
import { UNBOUNDED } from '../../src/policy/shares.ts';
import { UNMETERED } from '../../src/ports/meters.ts';
import type { Directory } from '../../src/ports/slack.ts';
import type { Answer } from '../../src/report/views/view.ts';
import type { ButtonClick, Requests, SubmittedForm } from '../../src/requests/calls.ts';
import { openRequests } from '../../src/requests/open-requests.ts';
import type { HostKeyPolicy } from '../../src/run/host-key.ts';
import type { Sight } from '../../src/run/live-output.ts';
import { openHostKeys } from '../../src/ssh/host-keys/host-keys.ts';
import { openKeyring } from '../../src/ssh/host-keys/keyring.ts';
import { openTransferFolder } from '../../src/ssh/transfer-folder.ts';
import { Trouble } from '../../src/ssh/trouble.ts';
import { drain, okOutcome, openRig, quiet, type StoreRig } from '../store/rig.ts';

export const OPS = 'C0OPS';
export const ELSEWHERE = 'C0ELSE';
/** Ann may run everything on [web] in #ops; Cleo only on web01, only uptime; Dan is in no rule. */
export const ANN = { teamId: 'T1', userId: 'U0ANN' };
export const CLEO = { teamId: 'T1', userId: 'U0CLEO' };
export const DAN = { teamId: 'T1', userId: 'U0DAN' };

const INVENTORY = `
[DEFAULT]
user = root
password = hunter2
[web01]
ip = 10.0.0.1
[web02]
ip = 10.0.0.2
enable = False
[db01]
ip = 10.0.0.3
[web]
web01 = True
web02 = True
[mixed]
web01 = True
db01 = True
`;

const ALLOWLIST = `
[web]
users = ${ANN.userId}
channels = ${OPS}
hosts = @web
actions = run, put, get
commands = *
paths = /**
[looks]
users = ${CLEO.userId}
channels = *
hosts = web01
actions = run
commands = uptime
`;

/** Everybody is one of us. */
const MEMBERS: Directory = {
  standingOf: async () => ({ isGuest: false, isShared: false, groups: new Set(), unknownGroups: [] }),
};

export interface DeskRig extends AsyncDisposable {
  readonly desk: Requests;
  readonly context: RequestContext;
  readonly store: StoreRig;
  /** Whether root messages can be posted. */
  canPost: boolean;
  readonly opened: string[];
  /** By name or address: the keys that a host shows; it is not reached where there are none. */
  readonly shows: Map<string, readonly Buffer[]>;
  readonly knownHosts: string;
  /** By run and host: what runs, and has said so far. */
  readonly seen: Map<string, Sight>;
}

/** The desk over a real store; only Slack and the hosts are not there. */
export async function openDeskRig(
  more: {
    readonly directory?: Directory;
    readonly allowlist?: string;
    readonly inventory?: string;
    readonly policy?: HostKeyPolicy;
    readonly slashText?: RequestContext['slashText'];
  } = {},
): Promise<DeskRig> {
  const store = await openRig();
  const transfers = mkdtempSync(join(tmpdir(), 'batchops-desk-'));
  const files = { env: () => undefined, readFile: () => '', findKeyFault: () => undefined };
  const inventory = parseInventory(more.inventory ?? INVENTORY, 'inventory.ini', files);
  const opened: string[] = [];
  const knownHosts = join(transfers, 'known_hosts');
  const shows = new Map<string, readonly Buffer[]>();
  const keyring = openKeyring({
    hostKeys: await openHostKeys(knownHosts, more.policy ?? 'ask', store.store.recordFirstKeys),
    findHost: () => undefined,
    async fetch({ name, ip }) {
      const keys = shows.get(name) ?? shows.get(ip) ?? [];
      if (keys.length === 0) throw new Trouble('unreachable', `no answer from ${ip}`);
      return { keys, untold: [] };
    },
    drop() {},
    stop: new AbortController().signal,
  });
  const context: RequestContext = {
    inventory,
    allowlist: parseAllowlist(more.allowlist ?? ALLOWLIST, 'allowlist.ini', inventory),
    directory: more.directory ?? MEMBERS,
    get store() {
      return store.store;
    },
    transfers: openTransferFolder(transfers, store.store.origins),
    now: Date.now,
    opener: {
      async openThread(_channelId, _message, key) {
        if (!rig.canPost) throw new Refusal('cannot-post', 'Slack does not take messages right now.');
        opened.push(key);
        return `${opened.length}.000`;
      },
    },
    keyring,
    sharedFiles: {
      list: async () => [],
      describe: async () => {
        throw new Refusal('unknown-name', 'no file');
      },
      open: async () => {
        throw new Refusal('unknown-name', 'no file');
      },
    },
    threadLink: (channelId, ts) => `https://acme.slack.com/archives/${channelId}/p${ts.replace('.', '')}`,
    otherBot: () => undefined,
    sights: {
      ofHost: async (runId, host) => rig.seen.get(`${runId}:${host}`),
      ofRun: async () => ({ hosts: new Map(), copies: undefined, isPartial: false }),
    },
    meters: UNMETERED,
    version: '1.2.3',
    limits: {
      maxFanOut: 100,
      fanOut: 64,
      maxTimeLimitMs: 3_600_000,
      timeLimitMs: 300_000,
      person: UNBOUNDED,
    },
    slashText: more.slashText ?? 'auto',
    abort: () => undefined,
    isOpen: () => true,
    log: quiet,
  };
  const rig: DeskRig = {
    desk: openRequests(context),
    context,
    store,
    canPost: true,
    opened,
    shows,
    knownHosts,
    seen: new Map(),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      rmSync(transfers, { recursive: true, force: true });
    },
  };
  return rig;
}

let requests = 0;

export function clickOn(actionId: string, value: string, more: Partial<ButtonClick> = {}): ButtonClick {
  requests += 1;
  return {
    actionId,
    value,
    blockId: '',
    requester: ANN,
    channelId: OPS,
    requestKey: `request-${requests}`,
    clickedAt: Date.now(),
    ...more,
  };
}

export function formWith(fields: SubmittedForm['fields'], more: Partial<SubmittedForm> = {}): SubmittedForm {
  return {
    callbackId: 'batchops_form_run',
    metadata: '{}',
    fields: { channel: [OPS], ...fields },
    requester: ANN,
    requestKey: 'slack:T1:view:V1',
    ...more,
  };
}

export const textOf = (answer: Answer | undefined): string => JSON.stringify(answer ?? null);

/** A finished run of Ann's on [web]. */
export async function runOnce(rig: DeskRig): Promise<string> {
  await rig.desk.command({
    command: '/batch_run',
    text: '-g web -cmd "df -h"',
    requester: ANN,
    channelId: OPS,
    requestKey: 'first',
  });
  await drain(rig.store.store, () => okOutcome('fine'));
  const [run] = await rig.store.store.listRuns(1);
  return run?.id ?? '';
}

export const countRuns = async (rig: DeskRig): Promise<number> =>
  (await rig.store.store.listRuns(100)).length;
