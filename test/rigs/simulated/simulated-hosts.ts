import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { HostEvent } from './hosts.ts';

const HOSTS = new URL('hosts.ts', import.meta.url).pathname;

export interface SimulatedHosts extends AsyncDisposable {
  readonly port: number;
  /** All that they told so far, in its order. */
  readonly events: readonly HostEvent[];
  /** Those of them that were the end of a command. */
  readonly ended: readonly HostEvent[];
  onEvent(listen: (event: HostEvent) => void): void;
  waitFor(isSo: () => boolean, timeoutMs?: number): Promise<void>;
  /** Resolves when all that they did until now is in `events`. */
  told(): Promise<void>;
}

/** Hosts of one process: see `hosts.ts`. */
export async function startSimulatedHosts(hostKey: string): Promise<SimulatedHosts> {
  const child = fork(HOSTS, [Buffer.from(hostKey).toString('base64')], { execArgv: [] });
  const gone = new AbortController();
  child.once('exit', () => gone.abort(new Error('the simulated hosts ended')));
  const [port] = await once(child, 'message', { signal: gone.signal });
  const events: HostEvent[] = [];
  const ended: HostEvent[] = [];
  const listeners: ((event: HostEvent) => void)[] = [];
  const questions: (() => void)[] = [];
  child.on('message', (said: HostEvent | { answers: number }) => {
    if ('answers' in said) return questions[said.answers]?.();
    events.push(said);
    if (said.what === 'ended') ended.push(said);
    for (const listen of listeners) listen(said);
  });
  return {
    port: Number(port),
    events,
    ended,
    onEvent: (listen) => void listeners.push(listen),
    async waitFor(isSo, timeoutMs = 120_000) {
      const limit = AbortSignal.any([gone.signal, AbortSignal.timeout(timeoutMs)]);
      while (!isSo()) await once(child, 'message', { signal: limit });
    },
    told() {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      gone.signal.addEventListener('abort', () => reject(gone.signal.reason), { once: true });
      child.send(questions.push(resolve) - 1);
      return promise;
    },
    async [Symbol.asyncDispose]() {
      if (gone.signal.aborted) return;
      const exit = once(child, 'exit');
      child.disconnect();
      await exit;
    },
  };
}

/** The n-th address: 127.80.0.0, 127.80.0.1, … */
export function simulatedAddress(n: number): string {
  return `127.80.${n >> 8}.${n & 255}`;
}
