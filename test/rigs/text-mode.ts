import { expect } from 'vitest';

/**
 * Whether Slack encodes `& < >` in what people type nobody knows, so all that is tested through `npm start` is tested
 * both ways without running twice: what reaches the bot differs only where one of the three was typed, and only
 * decoding can be forgotten somewhere. So the end-to-end tests get entities, all other tests with a Slack (attacks,
 * threads, the page) get the text as it is, and what is about the difference (slash-text, strict-slack, the first of
 * bot.test.ts) runs both ways each time. `BATCHOPS_TEST_SLASH_TEXT=raw npm test -- test/e2e` runs the rest the other way.
 */
const usual = expect.getState().testPath?.includes('/test/e2e/') ? 'entities' : 'raw';
// A name of its own, as a process may be handed the next file.
process.env.TEXT_MODE = process.env.BATCHOPS_TEST_SLASH_TEXT ?? usual;
