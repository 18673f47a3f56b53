import type { SFTPWrapper } from 'ssh2';
import { isObject, watchField } from './fields.ts';
import { releasePacket } from './incoming.ts';
import { isWhole, release } from './release.ts';

/** SSH_FXP_DATA: draft-ietf-secsh-filexfer-02, section 3. Its content is copied to where it was asked for. */
const DATA = 103;

/**
 * Lets SFTP (ssh2 1.17, lib/protocol/SFTP.js) keep nothing of what it has sent and of what it has handed on: of each
 * 254 KiB that are written it makes a copy, which goes out in packets; of each that are read it puts packets together.
 * To be called once for each channel. Where the library has changed inside, V8 collects that as it would have.
 */
export function releaseSftp(sftp: SFTPWrapper): void {
  releaseSent(sftp);
  releaseReceived(sftp);
}

function releaseSent(sftp: SFTPWrapper): void {
  const protocol: unknown = Reflect.get(sftp, '_protocol');
  if (!isObject(protocol)) return;
  const send: unknown = Reflect.get(protocol, 'channelData');
  if (typeof send !== 'function') return;
  const channelData = (channel: number, bytes: Uint8Array): void => {
    // Copied into a packet, whether that goes out at once or waits for new keys.
    Reflect.apply(send, protocol, [channel, bytes]);
    const request = new Uint8Array(bytes.buffer);
    // Its pieces follow each other, whatever the host takes at once. Small ones lie in Node's pool, which is others' too.
    const isLast = bytes.byteOffset + bytes.byteLength === request.byteLength;
    if (isLast && request.byteLength !== Buffer.poolSize) release(request);
  };
  const theirs = new Proxy(protocol, {
    get(target, name): unknown {
      if (name === 'channelData') return channelData;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  Reflect.set(sftp, '_protocol', theirs);
}

function releaseReceived(sftp: SFTPWrapper): void {
  const push: unknown = Reflect.get(sftp, 'push');
  if (typeof push !== 'function') return;
  let current: unknown;
  let answered: unknown;
  const done = () => {
    if (answered instanceof Uint8Array && isWhole(answered) && answered[0] === DATA) release(answered);
    answered = undefined;
  };
  // An answer is put together here, then taken out, then handled.
  watchField(sftp, '_pkt', (next) => {
    done();
    if (next === undefined) answered = current;
    current = next;
  });
  Reflect.set(sftp, 'push', (bytes: Uint8Array | null): unknown => {
    const before = current;
    const result: unknown = Reflect.apply(push, sftp, [bytes]);
    done();
    // Nothing but the middle of an answer, which has memory of its own.
    if (bytes !== null && current !== undefined && current === before) releasePacket(bytes);
    return result;
  });
}
