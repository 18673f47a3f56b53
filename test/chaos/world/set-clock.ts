import { readFileSync } from 'node:fs';

/**
 * As `node --import`: the wall clock of this process is off by what the file named in `CHAOS_CLOCK` says in
 * milliseconds, read again on SIGUSR2. Timers, `performance.now` and the machine's uptime go on, as they do where
 * somebody sets the clock.
 */
const RealDate = Date;
const realNow = Date.now;
let offsetMs = 0;

function read(): void {
  offsetMs = Number(readFileSync(process.env.CHAOS_CLOCK ?? '', 'utf8'));
}

read();
process.on('SIGUSR2', read);
Date.now = () => realNow() + offsetMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [RealDate.now()] : args, newTarget),
});
