import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments, parse as parseYaml } from 'yaml';
import { readDatabaseUrl } from '../src/config/config.ts';

const root = new URL('../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');
const deploy = (name: string): string => read(`.github/deploy/${name}`);

const start = String(JSON.parse(read('package.json')).scripts.start).replace(/^exec node /, '');
const example = new Set(
  Array.from(read('.env.example').matchAll(/^(?:# )?([A-Z_]+)=/gm), ([, name]) => name),
);
/** Of a stop, as README tells it (its own test holds it to the sum of the steps). */
const stopSeconds = Number(/All steps together take up to ([\d.]+) s/.exec(read('README.md'))?.[1]);
const STATE = '/var/lib/batchops';

/** Wherever a file of ours sets a variable of the bot. */
function variablesOf(text: string): string[] {
  return Array.from(
    text.matchAll(/\b((?:BATCHOPS|SLACK)_[A-Z_]+?)(?:_FILE)?(?=[=:,])/g),
    ([, name = '']) => name,
  );
}

describe('what is handed out to run the bot with', () => {
  test.each(['batchops.service', 'Dockerfile', 'compose.yaml', 'compose-parts.yaml', 'kubernetes.yaml'])(
    '%s sets only settings that there are',
    (name) => {
      const set = variablesOf(deploy(name));
      expect(set.length).toBeGreaterThan(0);
      for (const variable of set) expect(example, variable).toContain(variable);
    },
  );

  test('each starts node as npm start does', () => {
    expect(deploy('batchops.service')).toContain(`/node_modules/.bin/node ${start}\n`);
    const entry = /^ENTRYPOINT (\[.*\])$/m.exec(deploy('Dockerfile'))?.[1] ?? '[]';
    expect(JSON.parse(entry)).toEqual(['node', ...start.split(' ')]);
    expect(deploy('kubernetes.yaml')).not.toContain('command:');
  });

  test('each waits longer for the end than a stop takes', () => {
    const waits = [
      /TimeoutStopSec=(\d+)/.exec(deploy('batchops.service')),
      /stop_grace_period: (\d+)s/.exec(deploy('compose.yaml')),
      /stop_grace_period: (\d+)s/.exec(deploy('compose-parts.yaml')),
      /terminationGracePeriodSeconds: (\d+)/.exec(deploy('kubernetes.yaml')),
    ];
    for (const wait of waits) expect(Number(wait?.[1])).toBeGreaterThan(stopSeconds);
  });

  test('none runs as root, and each keeps all that is written in one folder', () => {
    expect(deploy('batchops.service')).toMatch(/^DynamicUser=yes$/m);
    expect(deploy('Dockerfile')).toMatch(/^USER 10001:10001$/m);
    for (const name of ['batchops.service', 'Dockerfile']) {
      const env = Object.fromEntries(
        Array.from(deploy(name).matchAll(/(BATCHOPS_[A-Z_]+)=(\S+)/g), ([, key, value]) => [key, value]),
      );
      expect(readDatabaseUrl(env), name).toBe(`file:${STATE}/batchops.db`);
      for (const key of ['BATCHOPS_TRANSFER_DIR', 'BATCHOPS_KNOWN_HOSTS'])
        expect(env[key], name).toMatch(`${STATE}/`);
    }
    const service = parseYaml(deploy('compose.yaml')).services.batchops;
    expect(service).toMatchObject({ read_only: true, user: '10001:10001', cap_drop: ['ALL'] });
    expect(service.volumes).toContain(`state:${STATE}`);
    const [claim, bot] = parseAllDocuments(deploy('kubernetes.yaml')).map((document) => document.toJS());
    // One process owns the database: a rolling update would start a second one.
    expect(bot.spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
    const pod = bot.spec.template.spec;
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001 });
    expect(pod.containers[0].securityContext).toMatchObject({
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
    });
    expect(pod.containers[0].volumeMounts).toContainEqual({ name: 'state', mountPath: STATE });
    expect(pod.volumes[0].persistentVolumeClaim.claimName).toBe(claim.metadata.name);
  });
});

test('the lock file says of every package what it must be, byte for byte, and the registry has it', () => {
  const lock = JSON.parse(read('package-lock.json'));
  expect(lock.version).toBe(JSON.parse(read('package.json')).version);
  const packages = Object.entries<Readonly<Record<string, string>>>(lock.packages).filter(
    ([path]) => path !== '',
  );
  expect(packages.length).toBeGreaterThan(100);
  for (const [path, { integrity, resolved }] of packages) {
    expect(integrity, path).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
    // Without a place of its own a package is from the registry.
    expect(resolved ?? 'https://registry.npmjs.org/', path).toMatch(/^https:\/\/registry\.npmjs\.org\//);
  }
});
