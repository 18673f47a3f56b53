import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { RUN_SHORTCUT, SEND_SHORTCUT } from '../src/report/views/form.ts';

const manifest = parse(readFileSync(new URL('../manifest.yml', import.meta.url), 'utf8'));

/** Slack's manifest schema 1.0.0, the parts that ours uses; `additionalProperties: false` nearly everywhere. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': ['_metadata', 'display_information', 'features', 'oauth_config', 'settings'],
  _metadata: ['major_version', 'minor_version', 'schema', 'schema_url'],
  display_information: ['name', 'description', 'background_color', 'long_description'],
  features: ['app_home', 'bot_user', 'shortcuts', 'slash_commands', 'unfurl_domains'],
  'features.app_home': ['home_tab_enabled', 'messages_tab_enabled', 'messages_tab_read_only_enabled'],
  'features.bot_user': ['display_name', 'always_online'],
  oauth_config: ['redirect_urls', 'scopes'],
  settings: [
    'event_subscriptions',
    'interactivity',
    'org_deploy_enabled',
    'socket_mode_enabled',
    'token_rotation_enabled',
  ],
};

describe('manifest.yml', () => {
  test.each(Object.entries(KEYS))('has only keys that the schema knows below "%s"', (path, known) => {
    const part = path === '' ? manifest : path.split('.').reduce((value, key) => value[key], manifest);
    expect(Object.keys(part).filter((key) => !known.includes(key))).toEqual([]);
  });

  test('keeps within the lengths that the schema allows', () => {
    const { display_information: display, features } = manifest;
    expect(display.name.length).toBeLessThanOrEqual(35);
    expect(display.description.length).toBeLessThanOrEqual(140);
    expect(display.background_color).toMatch(/^#[0-9a-f]{3,6}$/);
    for (const command of features.slash_commands) {
      expect(Object.keys(command).toSorted()).toEqual([
        'command',
        'description',
        'should_escape',
        'usage_hint',
      ]);
      expect(command.command).toMatch(/^\/[a-z_]{1,31}$/);
      expect(command.description.length).toBeLessThanOrEqual(2_000);
      expect(command.usage_hint.length).toBeLessThanOrEqual(1_000);
      // Escaped text would turn `>` into an entity and names into ids inside the command.
      expect(command.should_escape).toBe(false);
    }
  });

  test('has the shortcuts that the bot knows, and hears of its Home tab only', () => {
    for (const shortcut of manifest.features.shortcuts) {
      expect(Object.keys(shortcut).toSorted()).toEqual(['callback_id', 'description', 'name', 'type']);
      expect(shortcut.name.length).toBeLessThanOrEqual(24);
      expect(shortcut.description.length).toBeLessThanOrEqual(150);
    }
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
