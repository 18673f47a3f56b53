import { openStore } from '../../../src/store/open.ts';
import { okOutcome, quiet } from '../rig.ts';

/** Another process: starts what it can have, and says how it ended once it hears that it is out of touch. */
const [url = ''] = process.argv.slice(2);
const store = await openStore({
  url,
  hostConcurrency: 1,
  auditChannel: undefined,
  mask: (text) => text,
  log: quiet,
});
const started = await store.jobs.start(await store.jobs.take(100));
store.jobs.onStop((ids, why) => {
  process.stdout.write(`${why} ${ids.length}\n`);
  void store.jobs
    .settle(started.map((job) => ({ job, outcome: okOutcome('so it went') })))
    .then(() => process.stdout.write('settled\n'));
});
process.stdout.write(`started ${started.length}\n`);
