import type { Traffic } from '../../../src/sandbox/slack/traffic.ts';
import { ACKS } from './acks.ts';
import { answer } from './messages.ts';
import { METHODS } from './methods.ts';
import { type Fault, fault } from './rules.ts';

/** What Slack would have against something that the app sent; nothing about what it is sent. */
export function findFaults(sent: Traffic): readonly Fault[] {
  switch (sent.kind) {
    case 'call':
      return (
        METHODS[sent.name]?.(sent.values, '') ?? fault('', 'is a method that the validator does not know')
      );
    case 'response_url':
      return answer(sent.values, '');
    case 'ack':
      return ACKS[sent.name]?.(sent.values, '') ?? fault('', 'answers what the validator does not know');
    case 'frame':
    case 'request':
      return [];
    default:
      return sent satisfies never;
  }
}

/** As one word: `chat.postMessage`, `ack of view_submission`. */
export function nameOf(sent: Traffic): string | undefined {
  switch (sent.kind) {
    case 'call':
      return sent.name;
    case 'response_url':
      return 'response_url';
    case 'ack':
      return `ack of ${sent.name}`;
    case 'frame':
    case 'request':
      return undefined;
    default:
      return sent satisfies never;
  }
}
