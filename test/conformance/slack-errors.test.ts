import { readdirSync, readFileSync } from 'node:fs';
import { WebAPIPlatformError } from '@slack/web-api';
import { describe, expect, test, vi } from 'vitest';
import { classify } from '../../src/slack/outgoing/failure.ts';
import { kindOf } from '../../src/slack/outgoing/slack-errors.ts';
import { OPS, openPosterRig, WEB } from '../slack/rig.ts';

/** As the SDK spells them, and by their names. */
const METHOD = /\.((?:auth|chat|conversations|files|usergroups|users|views)\.(?:users\.)?[a-zA-Z]+)\(/g;

function readSources(): readonly (readonly [string, string])[] {
  const folder = new URL('../../src/slack/', import.meta.url);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => [path, readFileSync(new URL(path, folder), 'utf8')]);
}

/** The names of the errors that Slack's reference lists for each method; `all` for those of every method. */
const listed: Readonly<Record<string, readonly string[]>> = JSON.parse(
  readFileSync(new URL('slack-errors.json', import.meta.url), 'utf8'),
);

describe("Slack's errors", () => {
  test.each(Object.entries(listed))('of %s are all known by their names', (_method, words) => {
    expect(words.filter((word) => kindOf(word) === 'odd')).toEqual([]);
  });

  test('are listed for every method that the sources call', () => {
    const called = new Set<string>(['apps.connections.open']);
    for (const [, text] of readSources())
      for (const [, method] of text.matchAll(METHOD)) if (method !== undefined) called.add(method);
    expect(called.size).toBeGreaterThan(12);
    expect([...called].filter((method) => !(method in listed))).toEqual([]);
  });

  test('that say that the token is no good are those of the token alone', () => {
    const credentials = new Set(
      Object.values(listed)
        .flat()
        .filter((word) => kindOf(word) === 'credentials'),
    );
    expect([...credentials].toSorted()).toEqual([
      'account_inactive',
      'invalid_auth',
      'missing_args',
      'not_allowed_token_type',
      'not_authed',
      'token_expired',
      'token_revoked',
      'two_factor_setup_required',
    ]);
  });

  test('that are new to us are asked again before they are believed', () => {
    const failure = classify(new WebAPIPlatformError({ ok: false, error: 'brand_new_trouble' }));
    expect(failure).toEqual({ kind: 'odd', code: 'brand_new_trouble' });
    expect(kindOf('restricted_action_of_tomorrow')).toBe('place');
    // One thread is locked: that is no reason to keep the whole channel waiting.
    expect(kindOf('restricted_action_thread_locked')).toBe('gone');
  });
});

test.each(['no_permission', 'ekm_access_denied', 'access_denied'])(
  'an error of one place (%s) does not keep messages from another',
  async (error) => {
    await using rig = await openPosterRig({ pace: { isLimited: false } });
    const posted = await rig.workspace.posts.chat.postMessage({ channel: WEB, text: 'root' });
    const fault = rig.slack.order({
      method: 'chat.postMessage',
      channel: OPS,
      kind: 'error',
      error,
      times: 1e6,
    });
    rig.outbox.put({ key: 'reply:1', channelId: OPS });
    rig.start();
    await rig.slack.waitFor(() => fault.struck > 0);
    rig.outbox.put({ key: 'reply:2', channelId: WEB, threadTs: posted.ts ?? '' });
    await vi.waitFor(() => expect(rig.outbox.state('reply:2')).toBe('sent'), { timeout: 5_000 });
    expect(rig.log.lines.filter(({ message }) => message.includes('posting pauses'))).toEqual([]);
  },
);
