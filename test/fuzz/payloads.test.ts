import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ERRORS_ACTION } from '../../src/report/buttons.ts';
import { formatBody, signRequest } from '../../src/sandbox/slack/delivery/request-url.ts';
import { isRecord, type Json } from '../../src/sandbox/slack/json.ts';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import { TRAFFIC, type Traffic } from '../../src/sandbox/slack/traffic.ts';
import {
  ADA,
  ada,
  BOB,
  type Bot,
  EVERYTHING,
  makeHome,
  OPS,
  openTeamSlack,
  SECRET,
  shown,
  startBot,
} from '../rigs/bot.ts';
import { cases, FUZZ_MS } from './cases.ts';

const PASSWORD = 'hunter2hunter2';
const FILES = {
  'inventory.ini': `[h1]\nip = 127.0.0.1\nport = 1\nuser = ops\npassword = ${PASSWORD}\n[hidden]\nip = 127.0.0.2\nport = 1\nuser = ops\npassword = ${PASSWORD}\n`,
  'allowlist.ini': EVERYTHING.replace('hosts = all', 'hosts = h1'),
};
/** It is answered at all; how soon is no claim of this test, whose machine may be busy. */
const ANSWERED_WITHIN_MS = 60_000;
const AT_ONCE = 25;

/** One payload of each kind that Slack sends, by really doing it. */
async function collect(slack: LocalSlack): Promise<readonly Json[]> {
  const seen = new Map<string, Json>();
  const hear = (part: unknown): void => {
    const { kind, values } = part as Traffic & { values: Json };
    if (kind !== 'request') return;
    const view = isRecord(values.view) ? 'view' : '';
    seen.set(`${values.type ?? values.command} ${view}`, values);
  };
  subscribe(TRAFFIC, hear);
  await slack.command(ada('help', '/batch'));
  await slack.command(ada('-h h1 -cmd "uptime"'));
  const root = await slack.waitFor(() => slack.messages(OPS).find(({ text }) => / of 1 in /.test(text)));
  await slack.click({ user: ADA, channel: OPS, ts: root.ts, actionId: ERRORS_ACTION });
  await slack.command(ada(''));
  const form = await slack.waitFor(() => slack.views(ADA)[0]);
  await slack.suggest({ user: ADA, viewId: form.id, actionId: 'batchops_form_hosts', query: 'h' });
  await slack.submit({
    user: ADA,
    viewId: form.id,
    values: { terms: 'h1', command: 'id' },
  });
  await slack.shortcut({ user: ADA, callbackId: 'batchops_run' });
  const { ts } = slack.upload({ user: ADA, channel: OPS, name: 'motd', content: 'hello' });
  await slack.messageShortcut({ user: ADA, channel: OPS, ts, callbackId: 'batchops_send_file' });
  await slack.openHome({ user: ADA });
  unsubscribe(TRAFFIC, hear);
  return [...seen.values()];
}

interface Edit {
  readonly at: number;
  readonly to: { readonly value: unknown } | 'gone' | 'twice';
}

const anyEdit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(),
  to: fc.oneof(
    fc.constant('gone' as const),
    fc.constant('twice' as const),
    fc
      .oneof(
        fc.constantFrom(null, true, 0, -1, 1e308, '', '__proto__', 'x'.repeat(5_000), [], {}, [[]], [null]),
        fc.constantFrom(
          ADA,
          BOB,
          OPS,
          SECRET,
          'C0NOWHERE',
          'T0OTHER01',
          'U0NOBODY1',
          'D0ADA0001',
          'h1',
          'hidden',
          'r-0000',
        ),
        fc.constantFrom(
          '<!channel>',
          `${PASSWORD}`,
          '\u0000\ud800',
          '-h all -cmd "id"',
          '[h1',
          'batchops_run:r-7k3f:open',
        ),
        fc.jsonValue({ maxDepth: 3 }),
      )
      .map((value) => ({ value })),
  ),
});

/** All places in it that can be changed. */
function placesOf(value: unknown): readonly { readonly holder: object; readonly key: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value).flatMap((key) => [{ holder: value, key }, ...placesOf(Reflect.get(value, key))]);
}

function apply(payload: Json, edits: readonly Edit[]): Json {
  const changed = structuredClone(payload);
  for (const { at, to } of edits) {
    const places = placesOf(changed);
    const place = places[at % Math.max(1, places.length)];
    if (place === undefined) continue;
    const { holder, key } = place;
    if (to === 'gone') Reflect.deleteProperty(holder, key);
    else if (to === 'twice') Reflect.set(holder, `${key}2`, Reflect.get(holder, key));
    else Reflect.set(holder, key, to.value);
  }
  return changed;
}

/** A command comes as a form, whose fields are text whatever stands in them. */
const asFields = (payload: Json): Json =>
  Object.fromEntries(
    Object.entries(payload).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : (JSON.stringify(value) ?? ''),
    ]),
  );

async function send(slack: LocalSlack, url: string, kind: string, sent: Json): Promise<number> {
  const payload = kind === '' ? asFields(sent) : sent;
  const delivery = { acceptsResponse: true, payload };
  const isEvent = kind === 'event_callback';
  const body = formatBody({
    ...delivery,
    kind: isEvent ? 'events_api' : kind === '' ? 'slash_commands' : 'interactive',
  });
  const response = await fetch(url, {
    method: 'POST',
    body,
    signal: AbortSignal.timeout(ANSWERED_WITHIN_MS),
    headers: {
      'content-type': isEvent ? 'application/json' : 'application/x-www-form-urlencoded',
      ...signRequest(slack.settings.signingSecret, body, Math.floor(Date.now() / 1_000)),
    },
  });
  await response.text();
  return response.status;
}

/** Where a payload names no channel or person that there is, the answer has nowhere to go. */
const NOWHERE = 'Slack refuses the form of an answer';

/**
 * What the log has as our own fault, each kind once; but for a value of another type than Slack has there, which is
 * read as if it were of that type, and ends the request.
 */
function defectsOf(bot: Bot): readonly string[] {
  const lines = bot
    .output()
    .split('\n')
    .filter((line) => /"level":(?:50|60)\b/.test(line));
  const kinds = lines.flatMap((line) => {
    const { msg, err } = JSON.parse(line);
    // Bolt wraps some of these in an error of its own.
    const isOfAnotherType = [err?.type, err?.original?.type].includes('TypeError');
    if (msg === NOWHERE || isOfAnotherType) return [];
    return [
      [
        msg,
        err?.message,
        String(err?.stack ?? '')
          .split('\n')[1]
          ?.trim(),
      ]
        .filter(Boolean)
        .join(' | '),
    ];
  });
  return [...new Set(kinds)];
}

test(
  'whatever Slack sends, the bot answers, goes on, and begins nothing that a rule does not give',
  async () => {
    await using slack = await openTeamSlack({ mode: 'http', pace: { isLimited: false } });
    await using home = await makeHome(FILES);
    await using bot = await startBot(home, slack, {
      SLACK_APP_TOKEN: '',
      SLACK_SIGNING_SECRET: slack.settings.signingSecret,
      PORT: '0',
    });
    const url = `http://127.0.0.1:${/"port":(\d+)/.exec(bot.output())?.[1]}/slack/events`;
    slack.setRequestUrl(url);
    const templates = await collect(slack);
    expect(templates.length).toBeGreaterThanOrEqual(8);
    // In a test run the same payloads each time; other ones are for the long form.
    const { numRuns = 1, seed = 1, ...parameters } = cases(100);
    const anyPayload = fc
      .tuple(fc.constantFrom(...templates), fc.array(anyEdit, { minLength: 1, maxLength: 4 }))
      .map(([template, edits]) => ({ kind: String(template.type ?? ''), payload: apply(template, edits) }));
    await fc.assert(
      fc.asyncProperty(fc.array(anyPayload, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (payloads) => {
        const statuses = await Promise.all(
          payloads.map(({ kind, payload }) => send(slack, url, kind, payload)),
        );
        // Of what it cannot read it says so to Slack, which tells the person.
        expect(statuses.filter((status) => ![200, 400, 404, 500].includes(status))).toEqual([]);
      }),
      { ...parameters, seed, numRuns: Math.ceil(numRuns / AT_ONCE), endOnFailure: true },
    );

    expect(defectsOf(bot)).toEqual([]);
    const help = await slack.command(ada('help', '/batch'));
    expect(shown(await slack.waitFor(() => help.answers()[0], 30_000))).toMatch(/\/batch_run/);
    for (const { id } of slack.workspace.listChannels())
      for (const message of slack.workspace.listMessages(id)) {
        if (!message.isFromApp) continue;
        expect(message.pings.filter(({ value }) => value !== ADA && value !== BOB)).toEqual([]);
        expect(shown(message)).not.toContain(PASSWORD);
      }
    using database = new DatabaseSync(home.path('data/batchops.db'), { readOnly: true, timeout: 5_000 });
    const runs = database
      .prepare('select distinct user_id, host from run join job on job.run_id = run.id')
      .all();
    expect(runs).toEqual([{ user_id: ADA, host: 'h1' }]);
    expect(await bot.stop()).toBe(0);
  },
  FUZZ_MS,
);
