import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { classify } from '../../src/slack/outgoing/failure.ts';
import { sendBytes } from '../../src/slack/outgoing/files/upload.ts';

const FILE = { length: 5, read: () => Readable.from([Buffer.from('hello')]) };

async function openHost(answer: RequestListener) {
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(request, response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}/upload/v1/x`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

const failureOf = async (url: string, mostMs = 20_000) =>
  classify(await sendBytes(url, FILE, mostMs).catch((error: unknown) => error));

describe('the host that takes the bytes of a file', () => {
  test.each([
    ['7', 7_000],
    ['0', 0],
    ['31536000', 3_600_000],
    ['', undefined],
    ['-3', undefined],
    ['Wed, 02 Dec 2026 07:28:00 GMT', undefined],
  ])('that says 429 and Retry-After %j is left alone for that long', async (retryAfter, expected) => {
    await using host = await openHost((_, response) =>
      response.writeHead(429, { 'retry-after': retryAfter }).end('slow down'),
    );
    expect(await failureOf(host.url)).toEqual({
      kind: 'later',
      code: 'upload_limited',
      ...(expected !== undefined && { retryAfterMs: expected }),
    });
  });

  test('that answers a byte at a time, for ever, is waited for no longer than there is for the whole file', async () => {
    await using host = await openHost((_, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(drip));
    });
    expect(await failureOf(host.url, 300)).toMatchObject({ kind: 'unknown' });
  });

  test('that takes them, has them', async () => {
    await using host = await openHost((_, response) => response.end('OK - 5'));
    // As it comes out of a size: no whole number.
    await sendBytes(host.url, FILE, 20_000.5);
  });
});
