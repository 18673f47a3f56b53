import { createHmac } from 'node:crypto';
import { isRecord, type Json, parseJson } from '../json.ts';
import type { Settings } from '../options.ts';
import { tellAck, tellTraffic } from '../traffic.ts';
import type { Attempt, Courier, Delivered, Delivery, ReportFault, Retry } from './courier.ts';

/** HTTP mode: each payload is POSTed, signed, to the app's request URL; a 200 in time is the ack. */

export interface SignedHeaders {
  readonly 'x-slack-request-timestamp': string;
  readonly 'x-slack-signature': string;
}

/** https://docs.slack.dev/authentication/verifying-requests-from-slack */
export function signRequest(secret: string, body: string, timestampS: number): SignedHeaders {
  const digest = createHmac('sha256', secret).update(`v0:${timestampS}:${body}`).digest('hex');
  return { 'x-slack-request-timestamp': String(timestampS), 'x-slack-signature': `v0=${digest}` };
}

export function formatBody(delivery: Delivery): string {
  if (delivery.kind === 'events_api') return JSON.stringify(delivery.payload);
  if (delivery.kind === 'interactive')
    return new URLSearchParams({ payload: JSON.stringify(delivery.payload) }).toString();
  const fields = Object.entries(delivery.payload).map(([name, value]) => [name, String(value)]);
  return new URLSearchParams(fields).toString();
}

export class RequestUrl implements Courier {
  url: string | undefined;
  readonly #settings: Settings;
  readonly #report: ReportFault;

  constructor(settings: Settings, report: ReportFault) {
    this.url = settings.requestUrl;
    this.#settings = settings;
    this.#report = report;
  }

  async deliver(delivery: Delivery): Promise<Delivered> {
    if (this.url === undefined) return { ok: false, error: 'dispatch_failed' };
    const startedAt = performance.now();
    const answer = await this.#post(this.url, delivery, {});
    if (answer === 'timeout' || answer === 'failed') {
      // What people press is delivered once; what they type, again (bolt-js#2188).
      if (delivery.kind === 'slash_commands')
        void this.#post(this.url, delivery, {
          'x-slack-retry-num': '1',
          'x-slack-retry-reason': answer === 'timeout' ? 'http_timeout' : 'http_error',
        });
      return { ok: false, error: answer === 'timeout' ? 'operation_timeout' : 'dispatch_failed' };
    }
    return { ok: true, ackMs: performance.now() - startedAt, body: answer };
  }

  async attempt(delivery: Delivery, retry: Retry | null): Promise<Attempt> {
    if (this.url === undefined) return { ok: false, error: 'dispatch_failed', reason: 'connection_failed' };
    const startedAt = performance.now();
    const headers =
      retry === null
        ? {}
        : { 'x-slack-retry-num': String(retry.attempt), 'x-slack-retry-reason': retry.reason };
    const answer = await this.#post(this.url, delivery, headers);
    if (answer === 'timeout') return { ok: false, error: 'operation_timeout', reason: 'http_timeout' };
    if (answer === 'failed') return { ok: false, error: 'dispatch_failed', reason: 'http_error' };
    return { ok: true, ackMs: performance.now() - startedAt, body: answer };
  }

  async #post(
    url: string,
    delivery: Delivery,
    retry: Readonly<Record<string, string>>,
  ): Promise<Json | 'timeout' | 'failed'> {
    const body = formatBody(delivery);
    tellTraffic({ kind: 'request', values: delivery.payload });
    const timestampS = Math.floor(this.#settings.now() / 1_000);
    const timeout = AbortSignal.timeout(this.#settings.pace.ackMs);
    try {
      const response = await fetch(url, {
        method: 'POST',
        body,
        redirect: 'error',
        signal: timeout,
        headers: {
          'content-type':
            delivery.kind === 'events_api' ? 'application/json' : 'application/x-www-form-urlencoded',
          'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
          ...signRequest(this.#settings.signingSecret, body, timestampS),
          ...retry,
        },
      });
      const text = await response.text();
      if (response.status !== 200) {
        this.#report('request-url', `http_${response.status}`, { text });
        return 'failed';
      }
      const parsed = parseJson(text);
      const answer = isRecord(parsed) ? parsed : text === '' ? {} : { text };
      tellAck(delivery, answer);
      return answer;
    } catch (error) {
      if (timeout.aborted) return 'timeout';
      this.#report('request-url', 'connection_failed', { text: String(error) });
      return 'failed';
    }
  }
}
