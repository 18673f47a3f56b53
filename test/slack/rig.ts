import type { Log } from '../../src/ports/log.ts';
import type { Outbox, Places } from '../../src/ports/outbox.ts';
import { formatNotice } from '../../src/report/answers.ts';
import type { FileUpload, Message } from '../../src/report/message.ts';
import type { Answer, HomeTab, OptionGroup } from '../../src/report/views/view.ts';
import type {
  ButtonClick,
  FormVerdict,
  Requests,
  ShortcutCall,
  SlashCall,
  SubmittedForm,
  SuggestQuery,
} from '../../src/requests/calls.ts';
import { type LocalSlack, openLocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import { type LocalSlackOptions, readManifest } from '../../src/sandbox/slack/options.ts';
import { openSlack, type SlackConnection, type SlackConnectionOptions } from '../../src/slack/connection.ts';
import { openPoster, type Poster } from '../../src/slack/outgoing/poster.ts';
import type { PosterOptions } from '../../src/slack/outgoing/row/context.ts';
import { openWorkspace, type SlackSettings, type Workspace } from '../../src/slack/workspace.ts';
import type { OutboxClaim, OutboxLane, OutboxRow } from '../../src/thread/row.ts';
import type { ClosedPlace } from '../../src/thread/unread.ts';
import { PATIENT_SLACK } from '../rigs/slack-patience.ts';
import { MemoryReceived } from './memory-received.ts';

const manifest = readManifest(new URL('../../manifest.yml', import.meta.url));

export const BOT = 'U0BOT0001';
export const ANN = 'U0ANN0001';
export const OUTSIDER = 'U0OUT0001';
export const OPS = 'C0OPS0001';
export const WEB = 'C0WEB0001';
export const AUDIT = 'C0AUDIT01';
export const SECRET = 'G0SECRET1';
export const OLD = 'C0OLD0001';

/** A command as a person types it. */
export const DF = {
  user: ANN,
  channel: OPS,
  command: '/batch_run',
  text: '-h web01 -cmd "df -h | grep \'/$\' > /tmp/x"',
};

export function withScopes(...scopes: string[]): LocalSlackOptions['manifest'] {
  const bot = ['commands', 'chat:write', 'chat:write.public', 'files:read', 'files:write', ...scopes];
  return { ...manifest, oauth_config: { scopes: { bot } } };
}

export function openTestSlack(options: Partial<LocalSlackOptions> = {}): Promise<LocalSlack> {
  return openLocalSlack({
    manifest,
    users: [
      { id: ANN, name: 'ann' },
      { id: OUTSIDER, name: 'outsider', teamId: 'T0OTHER01' },
    ],
    channels: [
      { id: OPS, name: 'ops', members: [ANN, OUTSIDER, BOT] },
      { id: WEB, name: 'web', members: [ANN] },
      { id: AUDIT, name: 'audit', members: [ANN, BOT] },
      { id: SECRET, name: 'secret', kind: 'private', members: [ANN] },
      { id: OLD, name: 'old', members: [ANN, BOT], isArchived: true },
    ],
    ...options,
    pace: { ...PATIENT_SLACK, ...options.pace },
  });
}

export interface LogLine {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

export function recordLog(): Log & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export function settingsFor(slack: LocalSlack, mode: 'socket' | 'http' = 'socket'): SlackSettings {
  const hide = (value: string) => ({ reveal: () => value });
  return {
    botToken: hide(slack.settings.tokens.bot),
    apiUrl: slack.apiUrl,
    mode:
      mode === 'socket'
        ? { kind: 'socket', appToken: hide(slack.settings.tokens.app) }
        : { kind: 'http', signingSecret: hide(slack.settings.signingSecret), host: '127.0.0.1', port: 0 },
  };
}

/** Writes down what it is asked, and answers with what `answer` says. */
export class RecordingDesk implements Requests {
  readonly calls: SlashCall[] = [];
  readonly clicks: ButtonClick[] = [];
  answer: (call: SlashCall | ButtonClick | ShortcutCall) => Promise<Answer | undefined> = async () =>
    formatNotice('Heard.');

  command(call: SlashCall): Promise<Answer | undefined> {
    this.calls.push(call);
    return this.answer(call);
  }

  press(click: ButtonClick): Promise<Answer | undefined> {
    this.clicks.push(click);
    return this.answer(click);
  }

  readonly shortcuts: ShortcutCall[] = [];
  readonly queries: SuggestQuery[] = [];
  readonly forms: SubmittedForm[] = [];
  options: readonly OptionGroup[] = [];
  verdict: FormVerdict = { kind: 'faults', faults: { terms: 'Heard.' } };

  shortcut(call: ShortcutCall): Promise<Answer | undefined> {
    this.shortcuts.push(call);
    return this.answer(call);
  }

  async suggest(query: SuggestQuery): Promise<readonly OptionGroup[]> {
    this.queries.push(query);
    return this.options;
  }

  async submit(form: SubmittedForm): Promise<FormVerdict> {
    this.forms.push(form);
    return this.verdict;
  }

  async home(): Promise<HomeTab> {
    return { type: 'home', blocks: [{ type: 'divider' }] };
  }
}

export interface DoorRig extends AsyncDisposable {
  readonly slack: LocalSlack;
  readonly desk: RecordingDesk;
  readonly received: MemoryReceived;
  readonly door: SlackConnection;
  readonly workspace: Workspace;
  readonly fatal: Error[];
  readonly log: ReturnType<typeof recordLog>;
}

export async function openDoorRig(
  mode: 'socket' | 'http' = 'socket',
  options: Partial<LocalSlackOptions> = {},
  mask = (text: string) => text,
  received = new MemoryReceived(),
  freshness?: SlackConnectionOptions['freshness'],
): Promise<DoorRig> {
  const slack = await openTestSlack({ mode, ...options });
  const desk = new RecordingDesk();
  const log = recordLog();
  const fatal: Error[] = [];
  const settings = settingsFor(slack, mode);
  const workspace = await openWorkspace(settings, { mask, log });
  const door = await openSlack({
    settings,
    workspace,
    desk,
    received,
    log,
    ...(freshness && { freshness }),
    describeTrouble: (error) =>
      error instanceof Error && error.message === 'away' ? 'its database does not answer' : undefined,
    onFatal: (error) => fatal.push(error),
  });
  if (door.port !== undefined) slack.setRequestUrl(`http://127.0.0.1:${door.port}/slack/events`);
  return {
    slack,
    desk,
    received,
    door,
    workspace,
    fatal,
    log,
    async [Symbol.asyncDispose]() {
      await door.stop();
      await slack.close();
    },
  };
}

interface Entry {
  row: OutboxRow;
  dueAt: number | undefined;
  leaseUntil: number;
  version: number;
  state: 'waiting' | 'sent' | 'given up';
  cause?: 'itself' | 'place';
  error?: string;
}

function laneOf({ sends, ts }: OutboxRow): OutboxLane {
  if (sends === 'bulk') return 'bulk';
  return sends === 'message' && ts !== null && ts !== '' ? 'edits' : 'posts';
}

/** The outbox port by its contract, in memory: what each row came to can be read off. */
export class MemoryOutbox implements Outbox {
  readonly entries = new Map<string, Entry>();
  readonly #listeners: (() => void)[] = [];

  put(row: Partial<OutboxRow> & { key: string }): void {
    const old = this.entries.get(row.key);
    const base: OutboxRow = old?.row ?? {
      sends: 'message',
      channelId: OPS,
      ts: null,
      threadTs: null,
      position: 0,
      joins: null,
      uploadId: null,
      onlyIfStands: false,
      attempts: 0,
      tries: 0,
      faults: 0,
      version: 1,
      ...row,
    };
    this.entries.set(row.key, {
      row: base,
      dueAt: Date.now(),
      leaseUntil: old?.leaseUntil ?? 0,
      version: (old?.version ?? 0) + 1,
      state: 'waiting',
    });
    for (const listener of this.#listeners) listener();
  }

  async claim({
    limit,
    now,
    leaseMs,
    except,
    lane,
    joins,
    channel,
  }: OutboxClaim): Promise<readonly OutboxRow[]> {
    const due = [...this.entries.values()]
      .filter(({ dueAt, leaseUntil }) => dueAt !== undefined && dueAt <= now && leaseUntil <= now)
      .filter(({ row }) => lane === undefined || lane === laneOf(row))
      .filter(({ row }) => joins === undefined || joins === row.joins)
      .filter(({ row }) => channel === undefined || channel === row.channelId)
      .filter(({ row }) => !except.includes(row.channelId))
      .toSorted((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0))
      .slice(0, limit);
    return due.map((entry) => {
      const claimed = { ...entry.row, version: entry.version };
      entry.leaseUntil = now + leaseMs;
      entry.row = { ...entry.row, attempts: entry.row.attempts + 1 };
      return claimed;
    });
  }

  async sent(row: OutboxRow, ts: string, what: 'message' | 'notice' = 'message'): Promise<void> {
    const entry = this.#entry(row);
    const faults = what === 'notice' ? row.faults : 0;
    entry.row = { ...entry.row, ts, uploadId: null, attempts: 0, tries: 0, faults };
    entry.leaseUntil = 0;
    if (entry.version === row.version) {
      entry.dueAt = undefined;
      entry.state = 'sent';
    }
    for (const listener of this.#listeners) listener();
  }

  async hold(row: OutboxRow, until: number): Promise<void> {
    this.#entry(row).leaseUntil = until;
  }

  async defer(row: OutboxRow, at: number, why: string): Promise<void> {
    this.#later(row, at, why, { faults: row.faults });
  }

  async failed(row: OutboxRow, at: number, error: string): Promise<void> {
    this.#later(row, at, error, { faults: row.faults, tries: row.tries + 1 });
  }

  async uploaded(row: OutboxRow, fileId: string): Promise<boolean> {
    const entry = this.#entry(row);
    if (entry.row.attempts !== row.attempts + 1) return false;
    entry.row = { ...entry.row, uploadId: fileId };
    return true;
  }

  async making(row: OutboxRow): Promise<void> {
    const entry = this.#entry(row);
    entry.row = { ...entry.row, faults: row.faults + 1 };
  }

  async faulted(row: OutboxRow, at: number, error: string): Promise<void> {
    this.#later(row, at, error, { faults: row.faults + 1 });
  }

  #later(row: OutboxRow, at: number, error: string, counts: Partial<OutboxRow>): void {
    const entry = this.#entry(row);
    entry.row = { ...entry.row, ...counts };
    entry.leaseUntil = at;
    entry.error = error;
    for (const listener of this.#listeners) listener();
  }

  async giveUp(row: OutboxRow, error: string, cause: 'itself' | 'place' = 'itself'): Promise<void> {
    const entry = this.#entry(row);
    entry.dueAt = undefined;
    entry.state = 'given up';
    entry.error = error;
    entry.cause = cause;
  }

  async lost(row: OutboxRow, error: string): Promise<void> {
    const entry = this.#entry(row);
    entry.row = { ...entry.row, ts: null, attempts: 0 };
    entry.leaseUntil = 0;
    entry.error = error;
  }

  async nextDueAt(): Promise<number | undefined> {
    const times = [...this.entries.values()].flatMap(({ dueAt, leaseUntil }) =>
      dueAt === undefined ? [] : [Math.max(dueAt, leaseUntil)],
    );
    return times.length === 0 ? undefined : Math.min(...times);
  }

  onDue(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Nobody has it any more. */
  release(key: string): void {
    const entry = this.entries.get(key);
    if (entry !== undefined) entry.leaseUntil = 0;
  }

  state(key: string): string {
    return this.entries.get(key)?.state ?? 'unknown';
  }

  allSettled(): boolean {
    return [...this.entries.values()].every(({ state }) => state !== 'waiting');
  }

  #entry(row: OutboxRow): Entry {
    const entry = this.entries.get(row.key);
    if (entry === undefined) throw new Error(`no row ${row.key}`);
    return entry;
  }
}

/** The port by its contract, in memory. */
export class MemoryPlaces implements Places {
  readonly closed = new Map<string, { error: string; refusals: number }>();
  readonly givenUp: string[] = [];

  async list(): Promise<readonly string[]> {
    return [...this.closed.keys()];
  }

  async close(channelId: string, error: string): Promise<ClosedPlace> {
    const refusals = (this.closed.get(channelId)?.refusals ?? 0) + 1;
    this.closed.set(channelId, { error, refusals });
    return { refusals, closedForMs: 0, runs: [] };
  }

  async giveUp(channelId: string): Promise<void> {
    this.givenUp.push(channelId);
  }

  async reopen(channelId: string): Promise<void> {
    this.closed.delete(channelId);
  }

  readonly withFiles: string[] = [];

  async filesWork(channelId: string): Promise<void> {
    this.withFiles.push(channelId);
  }
}

export interface PosterRig extends AsyncDisposable {
  readonly slack: LocalSlack;
  readonly workspace: Workspace;
  readonly outbox: MemoryOutbox;
  readonly places: MemoryPlaces;
  readonly log: ReturnType<typeof recordLog>;
  /** What a row shows; the row's key where nothing is put here. */
  readonly contents: Map<string, Message | FileUpload | undefined | (() => Message)>;
  readonly rendered: string[];
  start(more?: Partial<PosterOptions>): Poster;
}

export async function openPosterRig(options: Partial<LocalSlackOptions> = {}): Promise<PosterRig> {
  const slack = await openTestSlack(options);
  const log = recordLog();
  const workspace = await openWorkspace(settingsFor(slack), {
    mask: (text) => text.replaceAll('hunter2', '•••'),
    log,
  });
  const outbox = new MemoryOutbox();
  const places = new MemoryPlaces();
  const contents: PosterRig['contents'] = new Map();
  const rendered: string[] = [];
  const posters: Poster[] = [];
  return {
    slack,
    workspace,
    outbox,
    places,
    log,
    contents,
    rendered,
    start(more = {}) {
      const poster = openPoster({
        outbox,
        places,
        workspace,
        log,
        async render(key) {
          rendered.push(key);
          const content = contents.has(key) ? contents.get(key) : formatNotice(key);
          return typeof content === 'function' ? content() : content;
        },
        ...more,
      });
      posters.push(poster);
      return poster;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(posters.map((poster) => poster.close()));
      await slack.close();
    },
  };
}
