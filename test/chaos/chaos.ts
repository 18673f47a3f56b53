/**
 * `npm run chaos`: what may happen to a bot happens to the real one, and is judged by what Slack and the hosts saw.
 *
 *     npm run chaos -- --jobs 2000 --only crash-points,random-kills --seed 7
 *     npm run chaos -- --store postgres --replicas 3  on a PostgreSQL only; else on both stores
 *     npm run chaos -- --only fuzz --cases 100000     the properties of test/fuzz, for as long as it takes
 */
import { spawnSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { machineFacts } from '../bench/machine.ts';
import { HAS_POSTGRES } from '../rigs/postgres.ts';
import { BROKEN } from './judge/judge.ts';
import { type Performed, perform } from './perform.ts';
import { SCENARIOS } from './scenarios.ts';
import { formatPerformed } from './table.ts';

const STORES = ['sqlite', 'postgres'] as const;

const { values: flags } = parseArgs({
  options: {
    jobs: { type: 'string', default: '2000' },
    store: { type: 'string', default: STORES.join(',') },
    replicas: { type: 'string', default: '3' },
    only: { type: 'string', default: SCENARIOS.map(({ name }) => name).join(',') },
    seed: { type: 'string' },
    cases: { type: 'string', default: '100000' },
    short: { type: 'boolean', default: false },
  },
});
const jobs = Number(flags.jobs);
const seed = flags.seed === undefined ? Date.now() % 1_000_000 : Number(flags.seed);
const only = flags.only.split(',');
if (flags.only === 'fuzz') {
  const { status } = spawnSync('vitest', ['run', '--config', 'test/vitest.config.ts', 'test/fuzz'], {
    env: { ...process.env, FUZZ_CASES: flags.cases, FUZZ_SEED: String(seed) },
    stdio: 'inherit',
  });
  process.exit(status ?? 1);
}
const stores = flags.store.split(',').flatMap((name) => STORES.find((store) => store === name) ?? []);
const replicas = Number(flags.replicas);
const unknown = only.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
const areNumbers = [jobs, replicas].every((count) => Number.isInteger(count) && count > 0);
if (
  unknown !== undefined ||
  stores.length !== flags.store.split(',').length ||
  !areNumbers ||
  !Number.isInteger(seed)
) {
  const names = SCENARIOS.map(({ name, about }) => `  ${name.padEnd(16)} ${about}`).join('\n');
  process.stderr.write(
    `npm run chaos -- [--store sqlite,postgres] [--replicas N] [--jobs N] [--only NAME,NAME] [--seed N] [--short]; npm run chaos -- --only fuzz [--cases N]\n${unknown === undefined ? '' : `there is no ${unknown}: `}\n${names}\n`,
  );
  process.exit(64);
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const { cpu, cores, node } = machineFacts();
say(
  `seed ${seed}, ${jobs} jobs a scenario; ${cpu}, ${cores} cores, load ${loadavg()[0]?.toFixed(1)}; Node ${node}`,
);

const since = performance.now();
const performed: Performed[] = [];
const chosen = SCENARIOS.filter(({ name }) => only.includes(name)).flatMap((scenario) =>
  stores.filter((store) => (scenario.only ?? store) === store).map((store) => ({ scenario, store })),
);
for (const { scenario, store } of chosen) {
  const lacks =
    store === 'postgres' && !HAS_POSTGRES ? "there is no PostgreSQL of Debian's here" : scenario.lacks?.();
  if (lacks !== undefined) {
    say(`\n${scenario.name}, ${store}: not performed, ${lacks}`);
    continue;
  }
  say(`\n${scenario.name}, ${store}: ${scenario.about}`);
  const one = await perform(scenario, { jobs, isShort: flags.short }, { store, replicas, seed }, (line) =>
    say(`  ${((performance.now() - since) / 1_000).toFixed(0).padStart(4)} s … ${line}`),
  );
  performed.push(one);
  process.stdout.write(`${formatPerformed(one)}\n`);
}

const broken = performed.filter((one) => BROKEN.some((what) => one[what].length > 0));
const sum = performed.reduce((total, one) => total + one.jobs, 0);
process.stdout.write(
  `\n${performed.length} scenarios, ${sum} jobs, seed ${seed}: ${broken.length === 0 ? 'all held' : `broken in ${broken.map(({ scenario, store }) => `${scenario.name} (${store})`).join(', ')}`}\n`,
);
process.exit(broken.length === 0 ? 0 : 1);
