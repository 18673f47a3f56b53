import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ReportFault } from '../delivery/courier.ts';
import type { Faults } from '../faults.ts';
import { answerJson, answerText, parseFields, readBody } from '../http.ts';
import { isRecord, type Json, parseJson } from '../json.ts';
import { tellTraffic } from '../traffic.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { type Occasion, postAnswer } from './answers.ts';

/** response_url: five answers within half an hour, by whoever knows the address; no token. */

interface Issued {
  readonly occasion: Occasion;
  readonly expiresAt: number;
  usesLeft: number;
}

export class ResponseUrls {
  readonly #workspace: Workspace;
  readonly #report: ReportFault;
  readonly #faults: Faults;
  readonly #issued = new Map<string, Issued>();

  constructor(workspace: Workspace, report: ReportFault, faults: Faults) {
    this.#workspace = workspace;
    this.#faults = faults;
    this.#report = report;
  }

  issue(baseUrl: string, kind: 'commands' | 'actions', occasion: Occasion): string {
    const { pace, now, team } = this.#workspace.settings;
    const path = `/${kind}/${team.id}/${randomBytes(6).toString('hex')}/${randomBytes(12).toString('hex')}`;
    this.#issued.set(path, {
      occasion,
      expiresAt: now() + pace.responseUrlMs,
      usesLeft: pace.responseUrlUses,
    });
    return baseUrl + path;
  }

  async handle(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const body = await readBody(request);
    const issued = this.#issued.get(path);
    const refuse = (status: number, error: string, values: Json, details: readonly string[] = []) => {
      this.#report('response_url', error, values, details);
      answerJson(response, status, { ok: false, error });
    };
    if (issued === undefined) return refuse(404, 'no_such_url', { path });
    if (issued.expiresAt <= this.#workspace.settings.now()) return refuse(404, 'expired_url', { path });
    if (issued.usesLeft <= 0) return refuse(404, 'used_url', { path });
    const values = body === undefined ? undefined : readMessage(request.headers['content-type'], body);
    if (values === undefined) return refuse(400, 'invalid_payload', { path });
    issued.usesLeft -= 1;
    const ordered = this.#faults.strike('response_url', undefined);
    if (ordered !== undefined)
      return answerJson(response, 400, { ok: false, error: ordered.error ?? 'fault' });
    tellTraffic({ kind: 'response_url', values });
    const fault = postAnswer(this.#workspace, issued.occasion, values);
    if (fault !== null)
      return refuse(fault.error === 'invalid_blocks' ? 400 : 500, fault.error, values, fault.details);
    answerText(response, 200, 'ok');
  }
}

/** JSON, whatever the type says (Bolt sends none), or a form with JSON in `payload`. */
function readMessage(contentType: string | undefined, body: Buffer): Json | undefined {
  const direct = parseJson(body.toString('utf8'));
  if (isRecord(direct)) return direct;
  const payload = parseFields(contentType, body)?.payload;
  const parsed = typeof payload === 'string' ? parseJson(payload) : undefined;
  return isRecord(parsed) ? parsed : undefined;
}
