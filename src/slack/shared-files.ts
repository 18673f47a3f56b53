import { Refusal } from '../errors.ts';
import type { Log } from '../ports/log.ts';
import type { SharedFiles } from '../ports/slack.ts';
import type { SharedFile } from '../run/shared-file.ts';
import { classify } from './outgoing/failure.ts';
import type { SlackSettings, Workspace } from './workspace.ts';

const DOWNLOAD_MS = 120_000;
const LISTED = 100;

/** Files that people put into Slack, fetched with the bot's own rights and from Slack's own host only. */
export function createSharedFiles(settings: SlackSettings, workspace: Workspace, log: Log): SharedFiles {
  return {
    async list(channelId) {
      try {
        const { files = [] } = await workspace.answers.files.list({ channel: channelId, count: LISTED });
        return files.flatMap((file): SharedFile[] => {
          const places = [...(file.channels ?? []), ...(file.groups ?? []), ...(file.ims ?? [])];
          // Asked for one channel; looked at all the same, since what is in another is not for these eyes.
          if (file.id === undefined || file.name === undefined || !places.includes(channelId)) return [];
          return [{ id: file.id, name: file.name, bytes: file.size ?? 0, uploader: file.user ?? '' }];
        });
      } catch (error) {
        log.warn(
          { channel: channelId, error: classify(error).code },
          "Slack does not list a channel's files",
        );
        throw new Refusal(
          'not-now',
          'Slack does not tell which files are in this channel, so nothing was sent.',
          {
            remedy: `The bot has to be in the channel: \`/invite @${workspace.botName}\`.`,
          },
        );
      }
    },
    async describe(fileId) {
      const { name, bytes, uploader } = await askAbout(workspace, fileId, log);
      return { id: fileId, name, bytes, uploader };
    },
    async open(fileId, maxBytes) {
      const { name, bytes, url } = await askAbout(workspace, fileId, log);
      if (bytes > maxBytes) throw tooLarge(name, maxBytes);
      if (!isSlacks(url, settings.apiUrl)) {
        log.warn({ file: fileId }, 'a file that does not lie at Slack was not fetched');
        throw notThere(name, workspace.botName);
      }
      let response: Response;
      try {
        response = await fetch(url, {
          headers: { Authorization: `Bearer ${settings.botToken.reveal()}` },
          // The token goes to this address and no other.
          redirect: 'error',
          signal: AbortSignal.timeout(DOWNLOAD_MS),
        });
      } catch (error) {
        log.warn({ file: fileId, error: classify(error).code }, 'a file could not be fetched from Slack');
        throw notThere(name, workspace.botName);
      }
      const isPlain = response.headers.get('content-encoding') === null;
      const length = isPlain ? response.headers.get('content-length') : null;
      // Without the right to read it Slack answers 200 with a page to sign in on (facts/slack.md section 8).
      if (!response.ok || response.body === null || (length !== null && Number(length) !== bytes)) {
        await response.body?.cancel();
        throw notThere(name, workspace.botName);
      }
      return exactly(response.body, bytes, () => notThere(name, workspace.botName));
    },
  };
}

/** All of the file or an error: half of one, or a page about it, is never sent to a host. */
async function* exactly(
  body: AsyncIterable<Uint8Array>,
  bytes: number,
  refuse: () => Refusal,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  try {
    for await (const chunk of body) {
      total += chunk.length;
      if (total > bytes) break;
      yield chunk;
    }
  } catch {
    // The connection broke, or took too long, with half of it here.
    throw refuse();
  }
  if (total !== bytes) throw refuse();
}

async function askAbout(workspace: Workspace, fileId: string, log: Log) {
  try {
    const { file } = await workspace.answers.files.info({ file: fileId });
    const url = file?.url_private_download ?? file?.url_private;
    if (file?.size === undefined || url === undefined)
      throw notThere(file?.name ?? 'The file', workspace.botName);
    return { name: file.name ?? 'The file', bytes: file.size, url, uploader: file.user ?? '' };
  } catch (error) {
    if (error instanceof Refusal) throw error;
    log.warn({ file: fileId, error: classify(error).code }, 'Slack tells nothing about a file');
    throw notThere('The file', workspace.botName);
  }
}

/** The host of the API, and the one that Slack keeps files on: `files.slack.com` beside `slack.com`. */
export function isSlacks(url: string, apiUrl: string): boolean {
  const file = URL.parse(url);
  const api = URL.parse(apiUrl);
  if (file === null || api === null || file.username !== '' || file.password !== '') return false;
  if (file.origin === api.origin) return true;
  const home = api.hostname.replace(/^www\./, '');
  return (
    file.protocol === 'https:' &&
    file.port === '' &&
    ['slack.com', 'slack-gov.com'].includes(home) &&
    file.hostname === `files.${home}`
  );
}

function notThere(name: string, botName: string): Refusal {
  return new Refusal('unknown-name', `${name} could not be fetched from Slack, so nothing was sent.`, {
    remedy: `The bot has to be where the file was shared: \`/invite @${botName}\` there, then try again.`,
  });
}

function tooLarge(name: string, maxBytes: number): Refusal {
  return new Refusal('usage', `${name} is larger than ${Math.floor(maxBytes / 1024 / 1024)} MiB.`, {
    remedy: 'Put it into the transfer folder, and send it with /batch_scp.',
  });
}
