/**
 * As `node --import`: how long each turn of this process's event loop took, of the processor and by the clock. Only the
 * first is of our doing where others share the machine: the clock goes on while a thread waits for a core. A Unix socket
 * (`LOOP_WATCH`) tells who connects of the turns since it was asked last, as JSON.
 */
import { createServer } from 'node:net';
import { performance } from 'node:perf_hooks';

export interface Turns {
  readonly count: number;
  readonly cpuP50Ms: number;
  readonly cpuP99Ms: number;
  readonly cpuMaxMs: number;
  /** Without the time in which it waited for something to happen. */
  readonly wallP99Ms: number;
  readonly wallMaxMs: number;
  /** Those above 20 ms of the processor. */
  readonly above: number;
  /** By the CPU they took: when each ended by the monotonic clock, in µs as V8's profiles have it, and both its times. */
  readonly longest: readonly {
    readonly endedAtUs: number;
    readonly cpuMs: number;
    readonly wallMs: number;
  }[];
}

const LONG_MS = 20;
const LONGEST = 12;

interface Instant {
  readonly at: number;
  readonly idle: number;
  readonly cpu: number;
}

function now(): Instant {
  const { user, system } = process.threadCpuUsage();
  return {
    at: performance.now(),
    idle: performance.eventLoopUtilization().idle,
    cpu: (user + system) / 1_000,
  };
}

let cpus: number[] = [];
let walls: number[] = [];
let longest: Turns['longest'] = [];
let last = now();

/** One that is not referenced runs in every turn that there is, and makes none. */
function watch(): void {
  setImmediate(() => {
    const next = now();
    const cpuMs = next.cpu - last.cpu;
    const wallMs = next.at - last.at - (next.idle - last.idle);
    last = next;
    cpus.push(cpuMs);
    walls.push(wallMs);
    if (cpuMs > (longest.at(-1)?.cpuMs ?? 0) || longest.length < LONGEST) {
      const turn = { endedAtUs: Number(process.hrtime.bigint() / 1_000n), cpuMs, wallMs };
      longest = [...longest, turn].sort((a, b) => b.cpuMs - a.cpuMs).slice(0, LONGEST);
    }
    watch();
  }).unref();
}

function take(): Turns {
  const cpu = Float64Array.from(cpus).sort();
  const wall = Float64Array.from(walls).sort();
  const at = (of: Float64Array, share: number): number => of[Math.ceil(of.length * share) - 1] ?? 0;
  const turns = {
    count: cpu.length,
    cpuP50Ms: at(cpu, 0.5),
    cpuP99Ms: at(cpu, 0.99),
    cpuMaxMs: at(cpu, 1),
    wallP99Ms: at(wall, 0.99),
    wallMaxMs: at(wall, 1),
    above: cpu.filter((ms) => ms > LONG_MS).length,
    longest,
  };
  cpus = [];
  walls = [];
  longest = [];
  // What it takes to tell is no turn of the program's.
  last = now();
  return turns;
}

const path = process.env.LOOP_WATCH;
if (path !== undefined) {
  watch();
  createServer((socket) => socket.on('error', () => {}).end(JSON.stringify(take())))
    .listen(path)
    .unref();
}
