import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ReplicaSet } from './replica-set.ts';

const MAX_BODY_BYTES = 1_000;

/** Answers the panel of replicas; true where the request was for it. Called after the checks of Host and Origin. */
export function answerPanel(set: ReplicaSet, request: IncomingMessage, response: ServerResponse): boolean {
  const send = (status: number, body: unknown): void => {
    response.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    });
    response.end(JSON.stringify(body));
  };
  const failed = (error: unknown): void =>
    send(503, { error: error instanceof Error ? error.message : String(error) });
  const path = request.url ?? '';
  if (path === '/replicas.json' && request.method === 'GET') {
    set.show().then((shown) => send(200, shown), failed);
    return true;
  }
  const what = path === '/replicas/kill' ? 'kill' : path === '/replicas/start' ? 'start' : undefined;
  if (what === undefined || request.method !== 'POST') return false;
  // A form of another page could not say so without asking first.
  if (request.headers['content-type'] !== 'application/json') {
    send(415, { error: 'application/json is expected' });
    return true;
  }
  readNumber(request).then((n) => send(set[what](n) ? 200 : 409, {}), failed);
  return true;
}

async function readNumber(request: IncomingMessage): Promise<number> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_BODY_BYTES) throw new Error('too long');
  }
  const { n } = JSON.parse(text) as { n?: unknown };
  return Number(n);
}
