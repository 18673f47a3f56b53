import { describe, expect, test } from 'vitest';
import { findLive, type Parsing } from '../../../../src/sandbox/slack/workspace/live.ts';

const none: Parsing = { parse: 'none', linkNames: false };

function inText(text: string, parsing: Parsing = none): string[] {
  const { pings, links } = findLive({ text, blocks: [] }, parsing);
  return [...pings, ...links].map(({ kind, value }) => `${kind} ${value}`);
}

function inBlocks(...blocks: Record<string, unknown>[]): string[] {
  const { pings, links } = findLive({ text: '', blocks }, none);
  return [...pings, ...links].map(({ kind, value, at }) => `${kind} ${value} ${at}`);
}

const section = (text: string, verbatim?: boolean) => ({
  type: 'section',
  text: { type: 'mrkdwn', text, ...(verbatim === undefined ? {} : { verbatim }) },
});

describe('what is alive in a message', () => {
  test.each([
    ['<!channel>', ['broadcast channel']],
    ['<!here|here>', ['broadcast here']],
    ['`<!everyone>`', ['broadcast everyone']],
    ['<@U0ANN0001>', ['user U0ANN0001']],
    ['<!subteam^S1|@ops>', ['usergroup S1']],
    ['<#C1|ops>', ['channel C1']],
    ['<http://e.org|click>', ['link http://e.org']],
    ['&lt;!channel&gt; &lt;@U0ANN0001&gt;', []],
    ['@here http://e.org', []],
    ['a < b > c', []],
  ])('%s', (text, live) => {
    expect(inText(text)).toEqual(live);
  });

  test('bare addresses unless parse is none, bare names with parse full or link_names', () => {
    expect(inText('@here http://e.org', { parse: 'default', linkNames: false })).toEqual([
      'link http://e.org',
    ]);
    expect(inText('@here', { parse: 'full', linkNames: false })).toEqual(['broadcast here']);
    expect(inText('@channel', { parse: 'none', linkNames: true })).toEqual(['broadcast channel']);
    expect(inText('ann@here.org', { parse: 'full', linkNames: true })).toEqual([]);
  });

  test('bare words in blocks unless they are verbatim; brackets always', () => {
    expect(inBlocks(section('@here'))).toEqual(['broadcast here /blocks/0/text']);
    expect(inBlocks(section('@here http://e.org', true))).toEqual([]);
    expect(inBlocks(section('<!here>', true))).toEqual(['broadcast here /blocks/0/text']);
  });

  test('elements of rich text, but no text in it', () => {
    expect(
      inBlocks({
        type: 'rich_text',
        elements: [
          {
            type: 'rich_text_preformatted',
            elements: [{ type: 'text', text: '<!channel> @here http://e.org' }],
          },
          {
            type: 'rich_text_section',
            elements: [
              { type: 'user', user_id: 'U1' },
              { type: 'link', url: 'http://e.org' },
            ],
          },
        ],
      }),
    ).toEqual([
      'user U1 /blocks/0/elements/1/elements/0',
      'link http://e.org /blocks/0/elements/1/elements/1/url',
    ]);
  });

  test('nothing in plain text', () => {
    expect(inBlocks({ type: 'header', text: { type: 'plain_text', text: '<!channel> @here' } })).toEqual([]);
  });
});
