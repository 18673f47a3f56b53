import { codeOf } from '../../errors.ts';
import { within } from '../../time/within.ts';
import { formatSeconds } from '../settings.ts';
import { levelOf, stopTrouble, Trouble, wordsOf } from '../trouble.ts';
import type { SessionSettings } from './questions.ts';
import { SftpSession } from './session.ts';

/** Opens SFTP on a connection that stands. A `Trouble` in words where the host will not have it. */
export function openSession(settings: SessionSettings, channelMs: number): Promise<SftpSession> {
  const opening = Promise.withResolvers<SftpSession>();
  settings.connection
    .sftp((sftp) => opening.resolve(new SftpSession(sftp, settings)), noSftp)
    .catch(opening.reject);
  return within(opening.promise, {
    ms: channelMs,
    late: () => {
      const limit = formatSeconds(channelMs);
      throw new Trouble('transfer-failed', `the host did not open SFTP within ${limit}`, {
        mayBeStale: true,
      });
    },
    signal: settings.signal,
    stopped: () => {
      throw stopTrouble(settings.signal, 'before anything was copied');
    },
    discard: (late) => late.end(),
  });
}

/** Why a host that lets us in has no SFTP for us. */
function noSftp(error: unknown): Trouble {
  const words = wordsOf(error);
  // ssh2's own words, lib/client.js and lib/protocol/SFTP.js.
  if (words.startsWith('Unable to start subsystem')) {
    return new Trouble('transfer-failed', 'no SFTP on this host: its SSH server does not offer it');
  }
  if (words.endsWith('while establishing SFTP session') || words.includes('SFTP session termination')) {
    const code = codeOf(error);
    const how = typeof code === 'number' ? ` with exit code ${code}` : '';
    return new Trouble(
      'transfer-failed',
      `no SFTP on this host: what it starts for that ended at once${how}`,
    );
  }
  const length = /^Packet length (\d+) exceeds/.exec(words)?.[1];
  if (length !== undefined || (error instanceof Error && levelOf(error) === 'sftp-protocol')) {
    return new Trouble(
      'transfer-failed',
      `SFTP cannot begin: its start-up files (or a forced command) print before the protocol${quoteLength(length)}; ` +
        'they have to be silent where there is no terminal',
    );
  }
  return new Trouble('transfer-failed', `the host opens no channel for SFTP: ${words}`, { mayBeStale: true });
}

/** What was read as a packet's length is the first four characters of the text. */
function quoteLength(length: string | undefined): string {
  if (length === undefined) return '';
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(Number(length) >>> 0);
  const text = bytes.toString('latin1');
  return /^[\x20-\x7e]{4}$/.test(text) ? ` (it begins with "${text}")` : '';
}
