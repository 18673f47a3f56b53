import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { Crew, Member, Role } from '../../ports/crew.ts';
import type { Log } from '../../ports/log.ts';
import { delay } from '../../time/delay.ts';
import type { Schema } from '../schema.ts';
import { NOW, type Replicas } from './queue/replicas.ts';
import { type ServerSchema, toServer } from './server-schema.ts';

const ASKED_EACH_MS = 100;
const SERVED_EACH_MS = 150;
const AT_ONCE = 20;
/** Whoever asked is gone. */
const FORGOTTEN_MS = 10 * 60_000;

/** The processes on one server, and what they ask each other: rows of a table, looked for several times a second. */
export class ServerCrew implements Crew {
  readonly #db: Kysely<ServerSchema>;
  readonly #replicas: Replicas;
  readonly #self: string;
  readonly #log: Log;
  #role: Role | undefined;
  #serving: ReturnType<typeof setInterval> | undefined;
  #isLooking = false;

  /** `db`: apart from the connections that wait for their turn to write. */
  constructor(db: Kysely<Schema>, replicas: Replicas, self: string, log: Log) {
    this.#db = toServer(db);
    this.#replicas = replicas;
    this.#self = self;
    this.#log = log;
  }

  async announce(role: Role): Promise<void> {
    this.#role = role;
    await this.#replicas.announce(role);
  }

  has(role: Role): boolean {
    return this.#replicas.roles().has(role);
  }

  async others(): Promise<readonly Member[]> {
    const there = await this.#replicas.members(this.#db);
    return there.filter(({ id }) => id !== this.#self);
  }

  onChange(listener: () => void): void {
    this.#replicas.onRoles(listener);
  }

  async whoRuns(runId: string, host?: string): Promise<readonly Member[]> {
    const running = this.#db
      .selectFrom('job')
      .select('worker')
      .where('run_id', '=', runId)
      .where('state', '=', 'running')
      .$if(host !== undefined, (jobs) => jobs.where('host', '=', host ?? ''));
    return await this.#db
      .selectFrom('replica')
      .select(['id', 'role'])
      .where('id', 'in', running)
      .where('id', '<>', this.#self)
      .execute();
  }

  async ask(of: Role | Member, what: string, words: string, limitMs: number): Promise<string | undefined> {
    const id = randomUUID();
    const whom = typeof of === 'string' ? { role: of, replica: null } : { role: of.role, replica: of.id };
    await this.#db
      .insertInto('errand')
      .values({ id, ...whom, what, words, put_at: NOW })
      .execute();
    const until = performance.now() + limitMs;
    try {
      while (performance.now() < until) {
        await delay(ASKED_EACH_MS);
        const row = await this.#db
          .selectFrom('errand')
          .select('answer')
          .where('id', '=', id)
          .executeTakeFirst();
        if (row === undefined) return undefined;
        if (row.answer !== null) return row.answer;
      }
      return undefined;
    } finally {
      await this.#db
        .deleteFrom('errand')
        .where('id', '=', id)
        .execute()
        .catch(() => {});
    }
  }

  serve(answers: Readonly<Record<string, (words: string) => Promise<string>>>): void {
    this.#serving ??= setInterval(() => {
      if (this.#isLooking) return;
      this.#isLooking = true;
      this.#look(answers)
        // The beat says so when the database does not answer.
        .catch(() => {})
        .finally(() => {
          this.#isLooking = false;
        });
    }, SERVED_EACH_MS).unref();
  }

  close(): void {
    clearInterval(this.#serving);
  }

  async #look(answers: Readonly<Record<string, (words: string) => Promise<string>>>): Promise<void> {
    const { rows } = await sql<{
      id: string;
      what: string;
      words: string;
    }>`update errand set taken_by = ${this.#self}
      where id in (select id from errand where taken_by is null and role = ${this.#role ?? ''}
        and (replica is null or replica = ${this.#self}) order by put_at limit ${AT_ONCE} for update skip locked)
      returning id, what, words`.execute(this.#db);
    for (const { id, what, words } of rows) {
      const answer = answers[what];
      if (answer === undefined) continue;
      answer(words)
        .then((text) => this.#db.updateTable('errand').set({ answer: text }).where('id', '=', id).execute())
        .catch((error: unknown) => this.#log.warn({ err: error, what }, 'another process was not answered'));
    }
    if (Math.random() < 0.001) {
      await this.#db
        .deleteFrom('errand')
        .where('put_at', '<', sql<number>`${NOW} - ${FORGOTTEN_MS}::bigint`)
        .execute();
    }
  }
}
