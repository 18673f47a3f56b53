import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mayBeEncoded, readText } from '../../src/command/slash-text.ts';

const encode = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

describe('text from Slack', () => {
  test('is what was typed, decoded exactly once or not at all', () => {
    const typed = fc.string({ unit: fc.constantFrom('&', '<', '>', 'amp;', 'lt;', '#', 'a', ' ', '|', '"') });
    fc.assert(
      fc.property(typed, (text) => {
        expect(readText(encode(text), 'entities')).toBe(text);
        expect(readText(text, 'raw')).toBe(text);
        // Where the two readings differ it is noticed.
        if (readText(text, 'entities') !== text && !text.includes('<')) expect(mayBeEncoded(text)).toBe(true);
      }),
    );
  });

  test.each([
    ['curl <http://x.example|x.example> &amp;&amp; ls', 'curl x.example && ls'],
    ['mail <mailto:a@b.c|a@b.c>', 'mail a@b.c'],
    // Typed, as what Slack makes is not escaped.
    ['curl &lt;http://x.example|x.example&gt;', 'curl <http://x.example|x.example>'],
    // Whether the slash at its end was typed is not known.
    ['curl <http://x.example/>', 'curl <http://x.example/>'],
  ])('has its links undone only where a link is certainly one of Slack: %s', (sent, typed) => {
    expect(readText(sent, 'entities')).toBe(typed);
    expect(readText(sent, 'raw')).toBe(sent);
  });
});
