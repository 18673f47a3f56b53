import { expect } from 'vitest';
import type { Message } from '../../src/report/message.ts';

/** Slack's limits on a message (facts/slack.md section 4), and our own stricter ones, said once for all tests. */
export function expectWithinLimits(message: Message): void {
  expect(message.text.length).toBeGreaterThan(0);
  expect(message.text.length).toBeLessThanOrEqual(3_500);
  expect(message.blocks.length).toBeLessThanOrEqual(50);
  for (const block of message.blocks) {
    switch (block.type) {
      case 'section':
        expect(block.text.text.length).toBeLessThanOrEqual(3_000);
        expect(block.text.verbatim).toBe(true);
        break;
      case 'context':
        expect(block.elements.length).toBeLessThanOrEqual(10);
        for (const element of block.elements) expect(element.text.length).toBeLessThanOrEqual(3_000);
        break;
      case 'actions':
        expect(block.elements.length).toBeLessThanOrEqual(25);
        expect((block.block_id ?? '').length).toBeLessThanOrEqual(255);
        for (const element of block.elements) {
          if (element.type === 'button') {
            expect(element.text.text.length).toBeLessThanOrEqual(75);
            expect((element.value ?? '').length).toBeLessThanOrEqual(2_000);
          } else expect(element.placeholder.text.length).toBeLessThanOrEqual(150);
          expect((element.confirm?.title.text ?? '').length).toBeLessThanOrEqual(100);
          expect((element.confirm?.text.text ?? '').length).toBeLessThanOrEqual(300);
          expect((element.confirm?.confirm.text ?? '').length).toBeLessThanOrEqual(30);
          expect((element.confirm?.deny.text ?? '').length).toBeLessThanOrEqual(30);
        }
        break;
      case 'header':
        expect(block.text.text.length).toBeLessThanOrEqual(150);
        break;
      default:
        break;
    }
  }
  const texts = textsOf(message);
  for (const text of texts) {
    expect(text.length).toBeGreaterThan(0);
    expect(text.isWellFormed()).toBe(true);
    expect(text).not.toMatch(/[\0-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  }
  expect(texts.reduce((sum, text) => sum + text.length, message.text.length)).toBeLessThanOrEqual(12_000);
  expect(texts.reduce((sum, text) => sum + text.length, 0)).toBeLessThanOrEqual(9_600);
}

/** Every text that people see in it. */
export function textsOf(message: Message): string[] {
  return message.blocks.flatMap((block) => {
    switch (block.type) {
      case 'section':
      case 'header':
        return [block.text.text];
      case 'context':
        return block.elements.map((element) => element.text);
      case 'rich_text':
        return block.elements.flatMap((element) => element.elements.map((part) => part.text));
      default:
        return [];
    }
  });
}

/** All that Slack would parse: mrkdwn and the top-level text. */
export function parsedTextsOf(message: Message): string[] {
  return [
    message.text,
    ...message.blocks.flatMap((block) => {
      if (block.type === 'section') return [block.text.text];
      if (block.type === 'context') return block.elements.map((element) => element.text);
      return [];
    }),
  ];
}

/** No markup but the mentions of these ids: whatever a host or person wrote is not alive. */
export function expectNothingAlive(message: Message, allowed: readonly string[] = []): void {
  for (const text of parsedTextsOf(message)) {
    const rest = allowed.reduce((left, markup) => left.replaceAll(markup, ''), text);
    expect(rest).not.toMatch(/[<>]/);
    expect(rest.replace(/&(?:amp|lt|gt);/g, '')).not.toMatch(/&/);
    expect(rest).not.toMatch(/@(?:here|channel|everyone)/i);
    expect(rest).not.toMatch(/:\/\//);
  }
}

export function boxesOf(message: Message): string[] {
  return message.blocks.flatMap((block) =>
    block.type === 'rich_text'
      ? block.elements
          .filter((element) => element.type === 'rich_text_preformatted')
          .map((element) => element.elements.map((part) => part.text).join(''))
      : [],
  );
}
