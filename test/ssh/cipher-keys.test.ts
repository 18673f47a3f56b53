import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import ssh2, { type CipherAlgorithm, type Client } from 'ssh2';
import { describe, expect, test } from 'vitest';
import { isQuickened, quickenCiphers } from '../../src/ssh/login/cipher-keys.ts';
import { reusePackets } from '../../src/ssh/login/cipher-packets.ts';
import { startSshServer } from '../rigs/ssh-server.ts';

/** What follows the exchange of keys is read on both sides. */
async function logIn(cipher: CipherAlgorithm, onKeys: (client: Client, sock: Socket) => void): Promise<void> {
  await using server = await startSshServer();
  const client = new ssh2.Client();
  const sock = connect({ host: '127.0.0.1', port: server.port });
  client.on('error', () => {});
  client.on('handshake', () => onKeys(client, sock));
  const ready = new Promise<void>((resolve, reject) => {
    client.once('ready', () => resolve());
    client.once('error', reject);
  });
  client.connect({
    sock,
    username: 'ops',
    password: 'right',
    algorithms: { cipher: [cipher] },
  });
  await ready;
  client.end();
}

describe('the keys of AES-GCM', () => {
  test.each([
    ['aes128-gcm@openssh.com', true],
    ['aes256-gcm@openssh.com', true],
    ['aes128-ctr', undefined],
  ] as const)('with %s the library works on with objects in the place of bytes', async (cipher, expected) => {
    const asked: (boolean | undefined)[] = [];
    await logIn(cipher, (client, sock) => {
      quickenCiphers(client, sock);
      asked.push(isQuickened(client));
    });
    expect(asked).toEqual([expected]);
  });
});

describe('the packets of AES-GCM', () => {
  /** As the library has it: enciphers, and hands on. */
  function openCipher() {
    const written: Buffer[] = [];
    const sent: Buffer[] = [];
    const socket = new Duplex({
      write(bytes: Buffer, _encoding, done) {
        sent.push(bytes);
        written.push(Buffer.from(bytes));
        done();
      },
    });
    const cipher = {
      allocPacket: (bytes: number) => Buffer.alloc(bytes),
      encrypt(packet: Buffer) {
        cipher._onWrite(packet.subarray(0, 4));
        cipher._onWrite(Buffer.from(packet.subarray(4)));
      },
      _onWrite: (bytes: Buffer) => void written.push(bytes),
    };
    reusePackets(cipher, socket);
    return { cipher, written, sent };
  }

  test('are made in the same place again once they are enciphered, and what was handed on stays as it was', () => {
    const { cipher, written } = openCipher();
    const first = cipher.allocPacket(32_777).fill(1, 5);
    const before = Buffer.from(first);
    cipher.encrypt(first);
    const second = cipher.allocPacket(20_000).fill(2, 5);
    expect(second.buffer).toBe(first.buffer);
    cipher.encrypt(second);
    expect(Buffer.concat(written.slice(0, 2)).equals(before)).toBe(true);
  });

  test('give back what they were enciphered to once the socket has sent it, and not before', async () => {
    const { cipher, sent } = openCipher();
    cipher.encrypt(cipher.allocPacket(32_777));
    expect(sent[0]?.length).toBeGreaterThan(32_777);
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent[0]?.length).toBe(0);
  });

  test('that wait for new keys are not written over, nor are those of another connection', () => {
    const [one, other] = [openCipher(), openCipher()];
    const waiting = one.cipher.allocPacket(32_777).fill(1, 5);
    const next = other.cipher.allocPacket(32_777).fill(2, 5);
    const third = one.cipher.allocPacket(32_777).fill(3, 5);
    expect(new Set([waiting.buffer, next.buffer, third.buffer]).size).toBe(3);
    for (const packet of [third, next]) one.cipher.encrypt(packet);
    expect(waiting.subarray(5, 32_000).every((byte) => byte === 1)).toBe(true);
    one.cipher.encrypt(waiting);
  });

  test.each([4_087, 4_096, 32_768, 32_777, 33_700])(
    'of %d bytes are laid out as the library lays them out',
    async (bytes) => {
      const layouts: unknown[] = [];
      await logIn('aes128-gcm@openssh.com', (client, sock) => {
        const cipher: unknown = Reflect.get(Reflect.get(client, '_protocol'), '_cipher');
        if (typeof cipher !== 'object' || cipher === null) return;
        const layout = () => {
          const packet: Buffer = Reflect.apply(Reflect.get(cipher, 'allocPacket'), cipher, [bytes]);
          return [packet.length, packet.readUInt32BE(0), packet[4]];
        };
        const theirs = layout();
        quickenCiphers(client, sock);
        layouts.push(theirs, layout());
      });
      expect(layouts).toHaveLength(2);
      expect(layouts[1]).toEqual(layouts[0]);
    },
  );
});
