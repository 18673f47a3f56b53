import type { Ping, SudoKind } from './ping.ts';

/** Less is worth a look before anything is put there. */
const LITTLE_BYTES = 1024 ** 3;

export const SUDO_WORDS: Readonly<Record<SudoKind, string>> = {
  free: 'without a password',
  some: 'some commands without a password',
  asks: 'asks for a password',
  barred: 'not for this account',
  absent: 'not there',
  unknown: 'not known',
};

export const TRUST_WORDS: Readonly<Record<Ping['trust'], string>> = {
  known: 'known',
  pinned: 'pinned in the inventory',
  new: 'new: believed now',
  unchecked: 'not checked',
};

export function sftpWords(isOffered: boolean | undefined): string {
  if (isOffered === undefined) return 'not known';
  return isOffered ? 'offered' : 'not offered';
}

/** What hosts of one kind have in common, and nothing that differs from host to host: equal hosts are shown as one. */
export function describePing({ server, key, trust, shell, sudo, sftp, freeHome, freeTmp }: Ping): string {
  const isLittle = (bytes: number | undefined) => bytes !== undefined && bytes < LITTLE_BYTES;
  const places = [...(isLittle(freeHome) ? ['home'] : []), ...(isLittle(freeTmp) ? ['/tmp'] : [])];
  const rows = [
    ['server', server === '' ? 'says nothing' : server],
    ['key', `${key.type}, ${TRUST_WORDS[trust]}`],
    ['shell', shell === '' ? 'not known' : shell],
    ['sudo', SUDO_WORDS[sudo]],
    ['sftp', sftpWords(sftp)],
    ...(places.length === 0 ? [] : [['space', `less than 1 GiB free: ${places.join(' and ')}`]]),
  ];
  return `${rows.map(([name = '', value = '']) => `${name.padEnd(8)}${value}`).join('\n')}\n`;
}
