import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRecord, type Json, parseJson } from './json.ts';

/** Requests in, answers out, and who may ask at all. */

const MAX_BODY_BYTES = 64 * 1024 * 1024;

/**
 * Why this request is refused; null where it is fine. The server listens on loopback only, but a browser on this
 * machine would carry any web site's requests here (DNS rebinding, cross-site forms): the name it asked for and
 * the page it asks from must both be ours.
 */
export function findForeign(headers: IncomingMessage['headers'], port: number): string | null {
  const own = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (headers.host === undefined || !own.includes(headers.host)) return 'foreign Host';
  const { origin } = headers;
  if (origin !== undefined && !own.some((host) => origin === `http://${host}`)) return 'foreign Origin';
  const site = headers['sec-fetch-site'];
  const isOpened = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isOpened)
    return 'asked for by another site';
  return null;
}

/** Undefined where the body is larger than anything Slack takes. */
export async function readBody(
  request: IncomingMessage,
  maxBytes = MAX_BODY_BYTES,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    bytes += part.byteLength;
    if (bytes > maxBytes) return undefined;
    chunks.push(part);
  }
  return Buffer.concat(chunks);
}

/** Arguments from a JSON body or a form; undefined where it is neither. */
export function parseFields(contentType: string | undefined, body: Buffer): Json | undefined {
  const kind = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (kind === 'application/json') {
    const parsed = parseJson(body.toString('utf8'));
    return isRecord(parsed) ? parsed : undefined;
  }
  if (kind === 'application/x-www-form-urlencoded' || body.byteLength === 0)
    return Object.fromEntries(new URLSearchParams(body.toString('utf8')));
  return undefined;
}

/** The first file of a multipart form, or the body itself where it is none. */
export async function parseUpload(contentType: string | undefined, body: Buffer): Promise<Uint8Array> {
  if (contentType?.startsWith('multipart/form-data') !== true) return body;
  const form = await new Response(new Uint8Array(body), {
    headers: { 'content-type': contentType },
  }).formData();
  for (const value of form.values()) {
    if (typeof value !== 'string') return new Uint8Array(await value.arrayBuffer());
  }
  return new Uint8Array();
}

export function answerJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(text);
}

export function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
}
