/**
 * Runs a command on as many hosts at once as it is told, as a process that may open few files. Tells what came of them.
 *
 *     node few-files-process.ts PORT HOSTS
 */
import { openRig, passwordHost } from './rig.ts';

const [port, hosts] = process.argv.slice(2).map(Number);
await using rig = await openRig({ policy: 'off' });
const outcomes = await Promise.all(
  Array.from({ length: hosts ?? 0 }, (_, n) =>
    rig.run(passwordHost(port ?? 0, { name: `h${n}`, ip: `127.9.${n >> 8}.${n & 255}` }), 'true'),
  ),
);
process.stdout.write(
  JSON.stringify({ outcomes: outcomes.map(({ kind, reason }) => `${kind} ${reason}`), errors: rig.errors }),
);
