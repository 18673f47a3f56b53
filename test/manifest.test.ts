import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { RUN_SHORTCUT, SEND_SHORTCUT } from '../src/report/views/form.ts';
import {
  list,
  matching,
  object,
  oneOf,
  type Rule,
  text,
  unique,
  whole,
} from './conformance/validator/rules.ts';

const manifest = parse(readFileSync(new URL('../manifest.yml', import.meta.url), 'utf8'));

/** How often at most, and not twice the same. */
function names(max: number): Rule {
  return (value, at) => [
    ...list(text({ max: 50 }), { max, min: 0 })(value, at),
    ...unique(Array.isArray(value) ? value : [], at, 'name'),
  ];
}

const yes = oneOf(true, false);
const address = text({ max: 3_000 });

/**
 * What `schemas/manifest.schema.1.0.0.json` of slackapi/manifest-schema (c50cfa8) says of every key that it has where
 * we have any: what it does not have, it refuses (`additionalProperties: false`).
 */
const schema = object(
  {
    display_information: object(
      { name: text({ max: 35 }) },
      {
        description: text({ max: 140 }),
        long_description: text({ max: 4_000, min: 175 }),
        background_color: matching(/^#[0-9a-fA-F]{3}([0-9a-fA-F]{3})?$/),
      },
    ),
  },
  {
    _metadata: object({}, { major_version: whole({ min: 1 }), minor_version: whole({ min: 0 }) }),
    features: object(
      {},
      {
        app_home: object(
          {},
          {
            home_tab_enabled: yes,
            messages_tab_enabled: yes,
            messages_tab_read_only_enabled: yes,
          },
        ),
        bot_user: object({ display_name: text({ max: 80 }) }, { always_online: yes }),
        slash_commands: list(
          object(
            { command: matching(/^\/\S{1,31}$/), description: text({ max: 2_000 }) },
            { usage_hint: text({ max: 1_000 }), should_escape: yes, url: address },
          ),
          { max: 50 },
        ),
        shortcuts: list(
          object({
            name: text({ max: 24 }),
            type: oneOf('global', 'message'),
            callback_id: text({ max: 255 }),
            description: text({ max: 150 }),
          }),
          { max: 10 },
        ),
      },
    ),
    oauth_config: object({}, { scopes: object({}, { bot: names(255) }) }),
    settings: object(
      {},
      {
        event_subscriptions: object({}, { bot_events: names(100), request_url: address }),
        interactivity: object({ is_enabled: yes }, { request_url: address }),
        org_deploy_enabled: yes,
        socket_mode_enabled: yes,
        token_rotation_enabled: yes,
      },
    ),
  },
);

describe('manifest.yml', () => {
  test('is what the published schema takes', () => {
    expect(schema(manifest, '')).toEqual([]);
  });

  test.each([
    ['features/app_home/colour is not known', { features: { app_home: { colour: 'red' } } }],
    ['display_information/name has 36 characters', { display_information: { name: 'x'.repeat(36) } }],
    ['settings/interactivity/is_enabled is missing', { settings: { interactivity: {} } }],
    ['oauth_config/scopes/bot has the name a twice', { oauth_config: { scopes: { bot: ['a', 'a'] } } }],
    [
      'features/slash_commands/0/command is batch',
      { features: { slash_commands: [{ command: 'batch', description: 'x' }] } },
    ],
  ])('is refused where %s', (words, change) => {
    const found = schema({ ...manifest, ...change }, '').map(({ at, limit }) => `${at} ${limit}`);
    expect(found).toEqual([expect.stringContaining(words)]);
  });

  test('has commands that reach us as they were typed', () => {
    for (const command of manifest.features.slash_commands) {
      expect(command.command).toMatch(/^\/[a-z_]{1,31}$/);
      // Escaped text would turn `>` into an entity and names into ids inside the command.
      expect(command.should_escape).toBe(false);
    }
  });

  test('has the shortcuts that the bot knows, and hears of its Home tab only', () => {
    const ids = manifest.features.shortcuts.map((shortcut: { callback_id: string }) => shortcut.callback_id);
    expect(ids).toEqual([RUN_SHORTCUT, SEND_SHORTCUT]);
    expect(manifest.settings.event_subscriptions).toEqual({ bot_events: ['app_home_opened'] });
    expect(manifest.features.app_home.home_tab_enabled).toBe(true);
  });

  test('asks for what people and channels are, and reads where it may be in only', () => {
    expect(manifest.oauth_config.scopes).toEqual({
      bot: [
        ...['commands', 'chat:write', 'chat:write.public', 'files:read', 'files:write'],
        ...['users:read', 'usergroups:read', 'channels:read', 'groups:read'],
        // To find its own messages again where Slack's answer was lost.
        ...['channels:history', 'groups:history', 'im:read', 'mpim:read'],
      ],
    });
  });
});
