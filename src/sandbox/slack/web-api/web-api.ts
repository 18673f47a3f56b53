import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Faults } from '../faults.ts';
import { answerJson, answerText, parseFields, readBody } from '../http.ts';
import type { Json } from '../json.ts';
import { RateLimits } from '../rate-limits.ts';
import { tellTraffic } from '../traffic.ts';
import { ApiError, Arguments, refuseArguments } from './api-call.ts';
import { chatMethods } from './chat.ts';
import { conversationMethods } from './conversations.ts';
import { fileMethods } from './files.ts';
import type { ApiContext, ApiMethod } from './method.ts';
import { peopleMethods } from './people.ts';
import { viewMethods } from './views.ts';

/**
 * `POST /api/METHOD`, in Slack's order: is there such a method, whose token is it, is there budget, does the app
 * have the scope, are the arguments good. Every call is logged; what was refused is a violation besides.
 */

const methods: Readonly<Record<string, ApiMethod>> = {
  ...chatMethods,
  ...conversationMethods,
  ...fileMethods,
  ...peopleMethods,
  ...viewMethods,
};

/** Bolt sends `team_id` along with everything. */
const EVERYWHERE = ['token', 'team_id'];

const MAX_LOGGED = 50_000;

export interface LoggedCall {
  readonly method: string;
  /** Unix milliseconds when it came. */
  readonly at: number;
  readonly channel: string | undefined;
  /** The HTTP status; 0 where the connection was cut by a fault. */
  status: number;
  /** Slack's name for what was wrong. */
  error: string | undefined;
}

export interface Violation {
  readonly method: string;
  readonly error: string;
  /** Slack's `response_metadata.messages`, where it says more. */
  readonly details: readonly string[];
  readonly at: number;
  readonly arguments: Json;
}

interface Answer {
  readonly status: number;
  readonly body: Json;
  readonly headers?: Readonly<Record<string, string>>;
}

export class WebApi {
  readonly calls: LoggedCall[] = [];
  readonly violations: Violation[] = [];
  /** How often each method was answered 429. */
  readonly rateLimited = new Map<string, number>();
  readonly #context: ApiContext;
  readonly #faults: Faults;
  readonly #limits: RateLimits;
  /** Called after every logged call. */
  readonly #onCall: () => void;

  constructor(context: ApiContext, faults: Faults, onCall: () => void) {
    const { pace, now } = context.workspace.settings;
    this.#context = context;
    this.#faults = faults;
    this.#limits = new RateLimits(pace, now);
    this.#onCall = onCall;
  }

  async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const at = this.#context.workspace.settings.now();
    const body = await readBody(request);
    const method = url.pathname.slice('/api/'.length);
    const fields = body === undefined ? undefined : parseFields(request.headers['content-type'], body);
    const values = { ...Object.fromEntries(url.searchParams), ...fields };
    const call = new Arguments(values);
    const logged: LoggedCall = {
      method,
      at,
      channel: call.text('channel') ?? call.text('channel_id'),
      status: 0,
      error: undefined,
    };
    if (this.calls.length >= MAX_LOGGED) this.calls.shift();
    this.calls.push(logged);

    const fault = this.#faults.strike(method, logged.channel);
    if (fault?.kind === 'lost-call') {
      tellTraffic({ kind: 'call', name: method, values, answer: {} });
      return this.#cut(response);
    }
    const answer =
      faultyAnswer(fault) ??
      (fields === undefined
        ? { status: 200, body: { ok: false, error: 'invalid_post_type' } }
        : this.#answer(method, call, readToken(request, call)));
    tellTraffic({ kind: 'call', name: method, values, answer: answer.body });
    logged.error = typeof answer.body.error === 'string' ? answer.body.error : undefined;
    if (logged.error !== undefined && answer.status === 200 && fault === undefined)
      this.#recordViolation(method, logged.error, answer.body, values, at);
    if (fault?.kind === 'lost-answer') return this.#cut(response);
    if (fault?.kind === 'slow') await sleep(fault.delayMs ?? 1_000, undefined, { ref: false });
    logged.status = fault?.kind === 'server-error-after' ? 500 : answer.status;
    if (answer.status === 429) this.rateLimited.set(method, (this.rateLimited.get(method) ?? 0) + 1);
    if (logged.status === 500) answerText(response, 500, 'Internal Server Error');
    else answerJson(response, answer.status, answer.body, answer.headers);
    this.#onCall();
  }

  #cut(response: ServerResponse): void {
    response.destroy();
    this.#onCall();
  }

  recordViolation(method: string, error: string, details: readonly string[], values: Json): void {
    const at = this.#context.workspace.settings.now();
    this.violations.push({ method, error, details, at, arguments: values });
    this.#onCall();
  }

  #recordViolation(method: string, error: string, body: Json, values: Json, at: number): void {
    const metadata = body.response_metadata;
    const messages =
      typeof metadata === 'object' && metadata !== null && 'messages' in metadata ? metadata.messages : [];
    const details = Array.isArray(messages) ? messages.map(String) : [];
    this.violations.push({ method, error, details, at, arguments: values });
  }

  #answer(name: string, call: Arguments, token: string | undefined): Answer {
    const { workspace } = this.#context;
    const { settings } = workspace;
    const provided = Array.from(settings.scopes).join(',');
    try {
      const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
      if (method === undefined) {
        const words = `the sandbox has no ${name}`;
        process.emitWarning(words);
        throw new ApiError('unknown_method', {
          req_method: name,
          response_metadata: { messages: [`[ERROR] ${words}`] },
        });
      }
      checkToken(method, token, settings.tokens);
      const retryAfterS = this.#limits.take(name, method.tier, call.text('channel'));
      if (retryAfterS !== null) return tooMany(retryAfterS);
      const scopes = typeof method.scopes === 'function' ? method.scopes(call, workspace) : method.scopes;
      const needed = scopes.find((scope) => !settings.scopes.has(scope));
      if (needed !== undefined) throw new ApiError('missing_scope', { needed, provided });
      const foreign = call.names.filter((each) => !EVERYWHERE.includes(each) && !method.takes.includes(each));
      if (foreign.length > 0)
        throw refuseArguments(
          ...foreign.map((each) => `[ERROR] the sandbox does not have argument ${each} of ${name}`),
        );
      return {
        status: 200,
        body: { ok: true, ...method.run(call, this.#context) },
        headers: { 'x-oauth-scopes': provided, 'x-accepted-oauth-scopes': scopes.join(',') },
      };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { status: 200, body: { ok: false, error: error.code, ...error.extra } };
    }
  }
}

function readToken(request: IncomingMessage, call: Arguments): string | undefined {
  const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  return bearer ?? call.text('token');
}

function checkToken(
  method: ApiMethod,
  token: string | undefined,
  tokens: { readonly bot: string; readonly app: string },
): void {
  if (token === undefined || token === '') throw new ApiError('not_authed');
  if (token !== tokens.bot && token !== tokens.app) throw new ApiError('invalid_auth');
  const kind = token === tokens.app ? 'app' : 'bot';
  if (method.token !== 'any' && method.token !== kind) throw new ApiError('not_allowed_token_type');
}

function tooMany(retryAfterS: number): Answer {
  return {
    status: 429,
    body: { ok: false, error: 'ratelimited' },
    headers: { 'retry-after': String(retryAfterS) },
  };
}

/** The answer of a fault that keeps the work from being done. */
function faultyAnswer(fault: Fault | undefined): Answer | undefined {
  switch (fault?.kind) {
    case 'rate-limit':
      return tooMany(fault.retryAfterS ?? 1);
    case 'server-error':
      return { status: 500, body: {} };
    case 'error':
      return {
        status: 200,
        body: {
          ok: false,
          error: fault.error ?? 'internal_error',
          ...(fault.needed && { needed: fault.needed }),
        },
      };
    default:
      return undefined;
  }
}
