import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  context,
  line,
  type Message,
  plain,
  preformatted,
  richText,
  section,
} from '../../src/report/message.ts';
import { escapeMrkdwn } from '../../src/report/text/escape.ts';
import { maskTexts } from '../../src/slack/mask-texts.ts';

test('a secret is masked wherever it stands, also where it was escaped', () => {
  const secret = fc
    .string({
      unit: fc.constantFrom('a', 'b', '&', '<', '>', '`', '@here', '://', ':x:'),
      minLength: 3,
      maxLength: 8,
    })
    .filter((text) => text.length >= 6);
  fc.assert(
    fc.property(secret, (password) => {
      const said = `the password is ${password}, really`;
      const mask = (text: string) => text.replaceAll(password, '•••');
      const message: Message = {
        text: escapeMrkdwn(said),
        blocks: [
          section(escapeMrkdwn(said)),
          context(escapeMrkdwn(said)),
          richText(line(said), preformatted(said)),
          { type: 'header', text: plain(said) },
        ],
      };
      const shown = JSON.stringify(maskTexts(message, mask));
      expect(shown).not.toContain(JSON.stringify(password).slice(1, -1));
      expect(shown).not.toContain(JSON.stringify(escapeMrkdwn(password)).slice(1, -1));
      const file = maskTexts({ filename: `${password}.txt`, content: Buffer.from('x'), comment: said }, mask);
      expect(file).toEqual({
        filename: '•••.txt',
        content: Buffer.from('x'),
        comment: 'the password is •••, really',
      });
    }),
  );
});
