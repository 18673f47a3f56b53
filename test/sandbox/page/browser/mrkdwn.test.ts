import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Inline } from '../../../../src/sandbox/page/browser/text/inline.ts';
import { decodeEntities, type Part, parseMrkdwn } from '../../../../src/sandbox/page/browser/text/mrkdwn.ts';

const text = (value: string): Inline => ({ kind: 'text', text: value });
const inlinesOf = (source: string, verbatim = true): readonly Inline[] => {
  const [part] = parseMrkdwn(source, verbatim);
  return part?.kind === 'paragraph' ? part.inlines : [];
};

describe('Slack’s mrkdwn', () => {
  test('marks hold between word boundaries only', () => {
    expect(inlinesOf('a *b* _c_ ~d~ `e*f*`')).toEqual([
      text('a '),
      { kind: 'bold', children: [text('b')] },
      text(' '),
      { kind: 'italic', children: [text('c')] },
      text(' '),
      { kind: 'strike', children: [text('d')] },
      text(' '),
      { kind: 'code', text: 'e*f*' },
    ]);
    expect(inlinesOf('2*3*4 snake_case_name a * b * c ~/x ~/y')).toEqual([
      text('2*3*4 snake_case_name a * b * c ~/x ~/y'),
    ]);
    expect(inlinesOf('*a _b_*')).toEqual([
      { kind: 'bold', children: [text('a '), { kind: 'italic', children: [text('b')] }] },
    ]);
  });

  test('what stands in angle brackets is alive, and decoded once', () => {
    expect(inlinesOf('<@U1> <#C1|ops> <!here> <https://x.org/?a=1&amp;b=2|the &lt;x&gt;> &amp;lt;')).toEqual([
      { kind: 'user', id: 'U1', label: '' },
      text(' '),
      { kind: 'channel', id: 'C1', label: 'ops' },
      text(' '),
      { kind: 'broadcast', range: 'here' },
      text(' '),
      { kind: 'link', url: 'https://x.org/?a=1&b=2', label: 'the <x>' },
      text(' &lt;'),
    ]);
    expect(inlinesOf('&lt;!here&gt; <javascript:alert(1)|x>')).toEqual([
      text('<!here> <javascript:alert(1)|x>'),
    ]);
  });

  test('bare addresses and @here come alive unless the text is verbatim', () => {
    expect(inlinesOf('@here see https://x.org/a.', false)).toEqual([
      { kind: 'broadcast', range: 'here' },
      text(' see '),
      { kind: 'link', url: 'https://x.org/a', label: 'https://x.org/a' },
      text('.'),
    ]);
    expect(inlinesOf('@here see https://x.org/a.')).toEqual([text('@here see https://x.org/a.')]);
  });

  test('times of the day are no emoji', () => {
    expect(inlinesOf('12:30:45 :x:')).toEqual([text('12:30:45 '), { kind: 'emoji', name: 'x' }]);
  });

  test('fences and quotes are parts of their own', () => {
    expect(parseMrkdwn('a\n```\n*x* &lt;b&gt;\n```\n&gt; q\n&gt; r\nz', true)).toEqual<Part[]>([
      { kind: 'paragraph', inlines: [text('a')] },
      { kind: 'fence', text: '*x* <b>' },
      { kind: 'quote', inlines: [text('q\nr')] },
      { kind: 'paragraph', inlines: [text('z')] },
    ]);
  });

  test('any text is read, and only addresses of the web and of mail become links', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '*',
        '_',
        '~',
        '`',
        '```',
        '<',
        '>',
        '|',
        '\n',
        '&lt;',
        'javascript:',
        'https://x',
        ':',
        '@here',
      ),
    );
    fc.assert(
      fc.property(
        fc.array(piece).map((pieces) => pieces.join('')),
        fc.boolean(),
        (source, verbatim) => {
          for (const link of linksOf(parseMrkdwn(source, verbatim))) {
            expect(link).toMatch(/^(https?:\/\/|mailto:)/i);
          }
        },
      ),
    );
  });

  test('text without markup is shown as it is', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z0-9 .,;()[\]{}$#%^+=?!/\\"']+$/), (source) => {
        expect(inlinesOf(source)).toEqual([text(decodeEntities(source))]);
      }),
    );
  });
});

function linksOf(parts: readonly Part[]): string[] {
  const ofInlines = (inlines: readonly Inline[]): string[] =>
    inlines.flatMap((inline) => {
      if (inline.kind === 'link') return [inline.url];
      return 'children' in inline ? ofInlines(inline.children) : [];
    });
  return parts.flatMap((part) => {
    return part.kind === 'fence' ? [] : ofInlines(part.inlines);
  });
}
