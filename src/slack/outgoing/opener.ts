import { Refusal } from '../../errors.ts';
import type { Log } from '../../ports/log.ts';
import type { Opener } from '../../ports/slack.ts';
import { type Message, plainVariant } from '../../report/message.ts';
import { delay } from '../../time/delay.ts';
import type { Workspace } from '../workspace.ts';
import { postMessage } from './delivery.ts';
import { classify, type Failure } from './failure.ts';
import { Lookup } from './lookup.ts';
import type { Clock } from './pace.ts';

/** A person waits for the answer, and Slack's trigger and patience end soon after. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 600;

/** Posts root messages: what cannot stand in the channel does not run. */
export function createOpener(
  workspace: Workspace,
  log: Log,
  clock: Clock = () => performance.now(),
  onPosted: (channelId: string) => void = () => {},
): Opener {
  const lookup = new Lookup(workspace.opening);

  return {
    async openThread(channelId, message, key, mayStand = false) {
      const to = { channel: channelId, threadTs: null, keys: [key] };
      const deadline = clock() + PATIENCE_MS;
      let content: Message = workspace.masked(message);
      let isPlain = false;
      let unanswered = mayStand ? 1 : 0;
      let failure: Failure | undefined;
      while (clock() + workspace.paces.waitMs(channelId) < deadline) {
        await workspace.paces.waitForPlace(channelId);
        try {
          if (unanswered > 0) {
            const { standing, others } = await lookup.find(to);
            const ts = standing.get(key);
            if (ts !== undefined) return ts;
            // Rather no run than a channel full of root messages that nobody edits any more.
            if (others === 'unknown' && unanswered > 1) break;
          }
          const posted = await postMessage(workspace.opening, to, content, log);
          onPosted(channelId);
          return posted;
        } catch (error) {
          failure = classify(error);
          log.warn({ channel: channelId, error: failure.code }, 'the root message was not taken');
        }
        if (failure.kind === 'content' && !isPlain) {
          content = plainVariant(content);
          isPlain = true;
          continue;
        }
        if (failure.kind !== 'later' && failure.kind !== 'unknown')
          throw cannotPost(failure, channelId, workspace);
        if (failure.kind === 'unknown') unanswered += 1;
        if (failure.code === 'ratelimited') {
          // The loop waits for it, or ends at once where that is too long for a person.
          workspace.paces.suspend(channelId, failure.retryAfterMs ?? 1_000);
        } else {
          await delay(Math.min(failure.retryAfterMs ?? PAUSE_MS, Math.max(0, deadline - clock())));
        }
      }
      const why = failure === undefined ? 'too much is being posted here' : failure.code;
      throw new Refusal(
        'cannot-post',
        `Slack does not take messages right now (${why}), so nothing was run.`,
        {
          remedy: 'Try again in a moment.',
        },
      );
    },
  };
}

function cannotPost(failure: Failure, channelId: string, workspace: Workspace): Refusal {
  const refuse = (message: string, remedy: string) => new Refusal('cannot-post', message, { remedy });
  switch (failure.code) {
    case 'channel_not_found':
    case 'not_in_channel':
      return channelId.startsWith('D')
        ? refuse(
            'Results cannot be posted in this conversation, so nothing was run.',
            `Use a channel, and invite the bot there: \`/invite @${workspace.botName}\`.`,
          )
        : refuse(
            'The bot is not in this channel, so its results could not be posted and nothing was run.',
            `Invite it and send the command again: \`/invite @${workspace.botName}\`.`,
          );
    case 'is_archived':
      return refuse('This channel is archived, so nothing was run.', 'Use another channel.');
    case 'missing_scope':
      return refuse(
        'The app may not write here (missing_scope), so nothing was run.',
        'An administrator has to install it again with the scopes of manifest.yml.',
      );
    default:
      return failure.kind === 'credentials'
        ? refuse(`Slack refuses the bot (${failure.code}), so nothing was run.`, 'Tell an administrator.')
        : refuse(
            `Slack does not let the bot post here (${failure.code}), so nothing was run.`,
            'Use another channel, or ask an administrator of the workspace.',
          );
  }
}
