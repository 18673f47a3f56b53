import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Faults } from '../faults.ts';
import { isRecord, type Json, parseJson, recordOf, textOf } from '../json.ts';
import type { Settings } from '../options.ts';
import { tellAck, tellTraffic } from '../traffic.ts';
import type { Attempt, Courier, Delivered, Delivery, ReportFault, Retry } from './courier.ts';

/**
 * Socket Mode: an app has up to ten sockets, each payload goes to one of them in turn. A socket is opened with a
 * URL that works once, greets with `hello`, and is asked now and then to make room for a new one.
 * https://docs.slack.dev/apis/events-api/using-socket-mode
 */

const MAX_SOCKETS = 10;
const TICKET_MS = 30_000;
const HOST = 'applink-local';

interface Connection {
  readonly socket: WebSocket;
}

type Unacked = 'timeout' | 'connection_closed';
type Ack = Unacked | { readonly body: Json };

interface Pending {
  readonly delivery: Delivery;
  readonly connection: Connection;
  readonly settle: (ack: Ack) => void;
}

export class Sockets implements Courier {
  readonly #settings: Settings;
  readonly #faults: Faults;
  readonly #report: ReportFault;
  /** Called when a socket came or went. */
  readonly #onChange: () => void;
  readonly #server = new WebSocketServer({ noServer: true });
  readonly #tickets = new Map<string, number>();
  readonly #connections: Connection[] = [];
  /** Envelopes that wait for their ack. */
  readonly #pending = new Map<string, Pending>();
  /** Envelopes whose ack came too late, or never. */
  readonly #expired = new Set<string>();
  /** Commands that found no socket: the first one that opens gets them (bolt-js#2188). */
  readonly #unsent: Delivery[] = [];
  readonly #pings: NodeJS.Timeout;
  #turn = 0;

  constructor(settings: Settings, faults: Faults, report: ReportFault, onChange: () => void) {
    this.#settings = settings;
    this.#faults = faults;
    this.#report = report;
    this.#onChange = onChange;
    this.#pings = setInterval(() => {
      for (const { socket } of this.#connections) socket.ping();
    }, settings.pace.pingMs).unref();
  }

  get count(): number {
    return this.#connections.length;
  }

  openTicket(port: number): string {
    const ticket = randomBytes(16).toString('hex');
    this.#tickets.set(ticket, this.#settings.now() + TICKET_MS);
    return `ws://127.0.0.1:${port}/link/?ticket=${ticket}&app_id=${this.#settings.bot.appId}`;
  }

  accept(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const ticket = url.searchParams.get('ticket') ?? '';
    const expiresAt = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    if (url.pathname !== '/link/' || expiresAt === undefined || expiresAt < this.#settings.now()) {
      stream.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.#server.handleUpgrade(request, stream, head, (socket) => this.#welcome(socket));
  }

  #welcome(socket: WebSocket): void {
    if (this.#connections.length >= MAX_SOCKETS) {
      sendFrame(socket, { type: 'disconnect', reason: 'too_many_websockets', debug_info: { host: HOST } });
      socket.close();
      return;
    }
    const connection: Connection = { socket };
    this.#connections.push(connection);
    socket.on('message', (data: Buffer) => this.#hear(connection, data.toString('utf8')));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => this.#forget(connection));
    sendFrame(socket, {
      type: 'hello',
      num_connections: this.#connections.length + this.#faults.ghosts,
      debug_info: { host: HOST, build_number: 1, approximate_connection_time: 18_060 },
      connection_info: { app_id: this.#settings.bot.appId },
    });
    for (const delivery of this.#unsent.splice(0))
      void this.#send(
        connection,
        delivery,
        { attempt: 1, reason: 'no_connection' },
        this.#settings.pace.ackMs,
      );
    this.#onChange();
  }

  #forget(connection: Connection): void {
    this.#connections.splice(this.#connections.indexOf(connection), 1);
    this.#onChange();
    for (const [id, pending] of this.#pending) {
      if (pending.connection !== connection) continue;
      this.#pending.delete(id);
      pending.settle('connection_closed');
    }
  }

  #hear(connection: Connection, text: string): void {
    const frame = parseJson(text);
    const id = isRecord(frame) ? textOf(frame, 'envelope_id') : undefined;
    if (!isRecord(frame) || id === undefined) {
      this.#report('socket', 'invalid_ack', { text });
      return;
    }
    const pending = this.#pending.get(id);
    if (pending?.connection !== connection) {
      this.#report('socket', this.#expired.has(id) ? 'late_ack' : 'unknown_envelope', frame);
      return;
    }
    this.#pending.delete(id);
    const body = recordOf(frame, 'payload') ?? {};
    tellAck(pending.delivery, body);
    if (!pending.delivery.acceptsResponse && Object.keys(body).length > 0)
      this.#report('socket', 'unexpected_ack_payload', frame);
    pending.settle({ body });
  }

  async deliver(delivery: Delivery): Promise<Delivered> {
    const startedAt = performance.now();
    const { ackMs } = this.#settings.pace;
    // What people press is delivered once (python-slack-sdk#1940); what they type, again.
    const isRepeated = delivery.kind === 'slash_commands';
    const first = this.#next(undefined);
    if (first === undefined) {
      if (isRepeated) this.#unsent.push(delivery);
      return { ok: false, error: 'dispatch_failed' };
    }
    const ack = await this.#send(first, delivery, null, ackMs);
    if (typeof ack !== 'string') return { ok: true, ackMs: performance.now() - startedAt, body: ack.body };
    const other = isRepeated ? this.#next(first) : undefined;
    if (other === undefined) return { ok: false, error: 'operation_timeout' };
    const left = ackMs - (performance.now() - startedAt);
    // After a timeout the person was told already: the ack of the retry is for Slack alone.
    const again = this.#send(other, delivery, { attempt: 1, reason: ack }, ack === 'timeout' ? ackMs : left);
    const late = ack === 'timeout' ? ack : await again;
    return typeof late === 'string'
      ? { ok: false, error: 'operation_timeout' }
      : { ok: true, ackMs: performance.now() - startedAt, body: late.body };
  }

  async attempt(delivery: Delivery, retry: Retry | null): Promise<Attempt> {
    const startedAt = performance.now();
    const connection = this.#next(undefined);
    if (connection === undefined) return { ok: false, error: 'dispatch_failed', reason: 'no_connection' };
    const ack = await this.#send(connection, delivery, retry, this.#settings.pace.ackMs);
    return typeof ack === 'string'
      ? { ok: false, error: 'operation_timeout', reason: ack }
      : { ok: true, ackMs: performance.now() - startedAt, body: ack.body };
  }

  #send(connection: Connection, delivery: Delivery, retry: Retry | null, waitMs: number): Promise<Ack> {
    const id = randomUUID();
    const { promise, resolve } = Promise.withResolvers<Ack>();
    const timer = setTimeout(
      () => {
        this.#pending.delete(id);
        this.#expired.add(id);
        resolve('timeout');
      },
      Math.max(0, waitMs),
    ).unref();
    this.#pending.set(id, {
      delivery,
      connection,
      settle: (ack) => {
        clearTimeout(timer);
        resolve(ack);
      },
    });
    if (this.#faults.swallows(delivery.kind)) return promise;
    sendFrame(connection.socket, {
      type: delivery.kind,
      envelope_id: id,
      payload: delivery.payload,
      accepts_response_payload: delivery.acceptsResponse,
      ...eventFields(delivery, retry),
    });
    return promise;
  }

  /** Takes turns; another one than `not` where there is another. */
  #next(not: Connection | undefined): Connection | undefined {
    const open = this.#connections.filter(({ socket }) => socket.readyState === socket.OPEN);
    const others = open.filter((connection) => connection !== not);
    const choice = others.length > 0 ? others : open;
    this.#turn += 1;
    return choice[this.#turn % Math.max(1, choice.length)];
  }

  /**
   * Asks these sockets to make room, as Slack does every few hours: a warning first, the end later. Until the end
   * they are sent what is due.
   */
  refresh(which: 'oldest' | 'all'): void {
    const { refreshMs } = this.#settings.pace;
    for (const connection of which === 'all' ? [...this.#connections] : this.#connections.slice(0, 1)) {
      this.#ask(connection, 'warning');
      setTimeout(() => {
        this.#ask(connection, 'refresh_requested');
        setTimeout(() => connection.socket.close(), refreshMs).unref();
      }, refreshMs).unref();
    }
  }

  #ask({ socket }: Connection, reason: string): void {
    if (socket.readyState === socket.OPEN)
      sendFrame(socket, { type: 'disconnect', reason, debug_info: { host: HOST } });
  }

  /** Socket Mode was switched off in the app's settings. */
  disable(): void {
    for (const connection of [...this.#connections]) {
      this.#ask(connection, 'link_disabled');
      connection.socket.close();
    }
  }

  /** The network is gone: no goodbye. */
  drop(): void {
    for (const { socket } of [...this.#connections]) socket.terminate();
  }

  close(): void {
    clearInterval(this.#pings);
    this.drop();
    this.#server.close();
  }
}

function sendFrame(socket: WebSocket, frame: Json): void {
  tellTraffic({ kind: 'frame', values: frame });
  socket.send(JSON.stringify(frame));
}

/** Envelopes of events always say how often they came; the others only when they come again. */
function eventFields(delivery: Delivery, retry: Retry | null): Json {
  if (retry === null && delivery.kind !== 'events_api') return {};
  return { retry_attempt: retry?.attempt ?? 0, retry_reason: retry?.reason ?? '' };
}
