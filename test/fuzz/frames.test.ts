import { once } from 'node:events';
import { createServer } from 'node:http';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { UNMETERED } from '../../src/ports/meters.ts';
import { Socket } from '../../src/slack/socket-mode/socket.ts';
import { recordLog } from '../slack/rig.ts';
import { anyChars, cases, FUZZ_MS } from './cases.ts';

const AT_ONCE = 20;

/** Slack as far as a socket needs it: whoever asks gets an address, whoever comes is greeted and sent `latest()`. */
async function startFrameServer(latest: () => string) {
  const http = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ ok: true, url: `ws://127.0.0.1:${port}/` }));
  });
  const server = new WebSocketServer({ server: http });
  const open = new Set<WebSocket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.send(JSON.stringify({ type: 'hello', num_connections: 1 }));
    socket.send(latest());
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    apiUrl: `http://127.0.0.1:${port}/api/`,
    send(text: string): void {
      for (const socket of open) socket.send(text);
    },
    [Symbol.dispose]() {
      for (const socket of open) socket.terminate();
      server.close();
      http.closeAllConnections();
      http.close();
    },
  };
}

const anyFrame = fc.oneof(
  { weight: 2, arbitrary: anyChars },
  { weight: 2, arbitrary: fc.json({ maxDepth: 3 }) },
  {
    weight: 6,
    arbitrary: fc
      .record(
        {
          // Its own words too: the library emits whatever a frame calls itself.
          type: fc.constantFrom(
            'slash_commands',
            'interactive',
            'events_api',
            'hello',
            'error',
            'ws_message',
            'connecting',
            '',
            null,
            7,
            {},
          ),
          envelope_id: fc.oneof(fc.uuid(), fc.constantFrom(null, 3, {}, '')),
          payload: fc.oneof(
            fc.constantFrom(null, {}, [], 'x', { event: null }, { event: { type: 'error' } }),
            fc.jsonValue({ maxDepth: 2 }),
          ),
          accepts_response_payload: fc.constantFrom(true, null, 'x'),
          retry_attempt: fc.constantFrom(0, -1, 'x', null),
          reason: fc.constantFrom('warning', 'x', null),
        },
        { requiredKeys: [] },
      )
      .map((frame) => JSON.stringify(frame)),
  },
);

test(
  'whatever comes over a socket, the next request is heard',
  async () => {
    let marker = '';
    using server = await startFrameServer(() => marker);
    const hide = (value: string) => ({ reveal: () => value });
    const settings = {
      botToken: hide('xoxb-1'),
      apiUrl: server.apiUrl,
      mode: { kind: 'socket', appToken: hide('xapp-1') },
    } as const;
    const socket = new Socket(settings, 'xapp-1', {
      log: recordLog(),
      meters: UNMETERED,
      isFinal: () => false,
      onHello: () => {},
      onLeave: () => {},
    });
    const heard = new Set<unknown>();
    // What Bolt listens to.
    socket.receiver.client.on('slack_event', ({ envelope_id }: { envelope_id: unknown }) =>
      heard.add(envelope_id),
    );
    await socket.start();
    const { numRuns = 1, ...parameters } = cases(600);
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (frames) => {
        const id = `marker-${count++}`;
        marker = JSON.stringify({ type: 'slash_commands', envelope_id: id, payload: { command: '/batch' } });
        for (const frame of frames) server.send(frame);
        server.send(marker);
        await expect.poll(() => heard.has(id), { timeout: FUZZ_MS / 2, interval: 2 }).toBe(true);
      }),
      { ...parameters, numRuns: Math.ceil(numRuns / AT_ONCE), endOnFailure: true },
    );
    await socket.stop();
  },
  FUZZ_MS,
);
