import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { answerJson, answerText, parseUpload, readBody } from '../http.ts';
import { canBotRead } from './show.ts';
import type { Workspace } from './workspace.ts';

/** The bytes of files: how they come in, between the two calls of the Web API, and how they are fetched. */

/** https://slack.com/help/articles/201330736: 1 GB a file. */
const MAX_FILE_BYTES = 1_000_000_000;

interface Upload {
  readonly name: string;
  readonly length: number;
  /** Null until the bytes came. */
  bytes: Uint8Array | null;
}

/** Uploads that were begun: by their file, and by the secret in their URL, which works once. */
export class Uploads {
  readonly #byFile = new Map<string, Upload>();
  readonly #bySecret = new Map<string, Upload>();

  /** The path to send the bytes to. */
  begin(fileId: string, name: string, length: number): string {
    const upload: Upload = { name, length, bytes: null };
    const path = `/upload/v1/${randomBytes(16).toString('hex')}`;
    this.#byFile.set(fileId, upload);
    this.#bySecret.set(path, upload);
    return path;
  }

  /** Slack's answer to the bytes; null where it took them. */
  async receive(request: IncomingMessage, response: ServerResponse, path: string): Promise<string | null> {
    const body = await readBody(request, MAX_FILE_BYTES);
    const upload = this.#bySecret.get(path);
    const bytes = body === undefined ? undefined : await parseUpload(request.headers['content-type'], body);
    const fault =
      upload === undefined
        ? 'unknown_upload'
        : bytes?.byteLength === upload.length
          ? null
          : `${bytes?.byteLength} bytes instead of ${upload.length}`;
    if (fault !== null || upload === undefined || bytes === undefined) {
      answerText(response, upload === undefined ? 404 : 400, fault ?? '');
      return fault;
    }
    this.#bySecret.delete(path);
    upload.bytes = bytes;
    answerText(response, 200, `OK - ${bytes.byteLength}`);
    return null;
  }

  isReady(fileId: string): boolean {
    const bytes = this.#byFile.get(fileId)?.bytes;
    return bytes !== undefined && bytes !== null;
  }

  /** Undefined where its bytes did not come yet, or it was completed before. */
  complete(fileId: string): { readonly name: string; readonly bytes: Uint8Array } | undefined {
    const upload = this.#byFile.get(fileId);
    if (upload === undefined || upload.bytes === null) return undefined;
    this.#byFile.delete(fileId);
    return { name: upload.name, bytes: upload.bytes };
  }
}

const MIME_TYPES: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.json': 'application/json',
  '.pdf': 'application/pdf',
  '.zip': 'application/zip',
  '.gz': 'application/gzip',
};

export function guessMimetype(name: string, bytes: Uint8Array): string {
  const known = MIME_TYPES[extname(name).toLowerCase()];
  if (known !== undefined) return known;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return bytes.includes(0) ? 'application/octet-stream' : 'text/plain';
  } catch {
    return 'application/octet-stream';
  }
}

/** `url_private`: with the bot's token and files:read; else, as Slack, no error but the page to sign in on. */
export function sendPrivateFile(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  workspace: Workspace,
): void {
  const { settings } = workspace;
  const file = workspace.files.get(/^\/files-pri\/[^/]+-([^/-]+)\//.exec(path)?.[1] ?? '');
  const isBot = request.headers.authorization === `Bearer ${settings.tokens.bot}`;
  if (!isBot || !settings.scopes.has('files:read')) {
    response.writeHead(302, { location: `/?redir=${encodeURIComponent(path)}` });
    response.end();
  } else if (file === undefined || !canBotRead(file, workspace)) {
    answerJson(response, 404, { ok: false, error: 'file_not_found' });
  } else {
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment',
      'content-length': file.bytes.byteLength,
    });
    response.end(file.bytes);
  }
}
