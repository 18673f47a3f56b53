import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Contender, Taken } from './rounds.ts';

const CLIENTS = new URL('ssh2-clients.ts', import.meta.url).pathname;

/**
 * - `bare`: what ssh2 takes by itself: connect, exec, end; nothing checked, no time limit, nothing kept.
 * - `transport`: ours in its place.
 * - `engine`: a run as the bot does it: stored and audited, approved, dispatched, every outcome in the database.
 *   Only Slack is missing.
 */
export type Kind = 'bare' | 'transport' | 'engine';
export type Temperature = 'cold' | 'warm';

export interface Order {
  readonly do: 'round' | 'let-go';
  readonly temperature: Temperature;
  readonly hosts: number;
}

export interface OwnProcess extends AsyncDisposable {
  as(name: string, temperature: Temperature): Contender;
}

/** Cold rounds are on few hosts before they count: the code is compiled then, as in a bot that is up. */
const WARM_UP_HOSTS = 40;

/**
 * A client over ssh2 in a process of its own, which lives through all rounds, as a bot does: its start is not
 * measured, a round is. A Node profile of it: `NODE_OPTIONS="--cpu-prof --cpu-prof-dir=DIR" npm run bench`.
 */
export function startOwn(kind: Kind, fleetPath: string, fanOut: number, hosts: number): OwnProcess {
  const child = fork(CLIENTS, [kind, fleetPath, `${fanOut}`], { execArgv: ['--expose-gc'] });
  const gone = new AbortController();
  child.once('exit', (code) => gone.abort(new Error(`the ${kind} client ended with ${code}`)));

  const ask = async (order: Order): Promise<Taken> => {
    gone.signal.throwIfAborted();
    const answer = once(child, 'message', { signal: gone.signal });
    child.send(order);
    const [taken] = await answer;
    return taken as Taken;
  };
  return {
    as: (name, temperature) => {
      const letGo = () => ask({ do: 'let-go', temperature, hosts });
      return {
        name,
        async warmUp() {
          const few = temperature === 'cold' ? Math.min(hosts, WARM_UP_HOSTS) : hosts;
          for (let i = 0; i < 2; i++) {
            await ask({ do: 'round', temperature, hosts: few });
            if (temperature === 'cold') await letGo();
          }
        },
        take: () => ask({ do: 'round', temperature, hosts }),
        settle: () => (temperature === 'cold' ? letGo() : Promise.resolve()),
      };
    },
    async [Symbol.asyncDispose]() {
      if (gone.signal.aborted) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}
