import { connect } from 'node:net';
import ssh2 from 'ssh2';
import { describe, expect, test } from 'vitest';
import { isQuickened, quickenCiphers } from '../../src/ssh/login/cipher-keys.ts';
import { startSshServer } from '../rigs/ssh-server.ts';

describe('the keys of AES-GCM', () => {
  test.each([
    ['aes128-gcm@openssh.com', true],
    ['aes256-gcm@openssh.com', true],
    ['aes128-ctr', undefined],
  ] as const)('with %s the library works on with objects in the place of bytes', async (cipher, expected) => {
    await using server = await startSshServer();
    const client = new ssh2.Client();
    client.on('error', () => {});
    const asked: (boolean | undefined)[] = [];
    client.on('handshake', () => {
      quickenCiphers(client);
      asked.push(isQuickened(client));
    });
    const ready = new Promise<void>((resolve, reject) => {
      client.once('ready', () => resolve());
      client.once('error', reject);
    });
    client.connect({
      sock: connect({ host: '127.0.0.1', port: server.port }),
      username: 'ops',
      password: 'right',
      algorithms: { cipher: [cipher] },
    });
    // What follows the exchange of keys is read on both sides.
    await ready;
    expect(asked).toEqual([expected]);
    client.end();
  });
});
