import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { drain, okOutcome } from '../store/rig.ts';
import { ANN, type DeskRig, OPS, openDeskRig, textOf } from './rig.ts';

async function keep(rig: DeskRig, name: string, content: string, by = ANN.userId): Promise<void> {
  const bytes = Buffer.from(content);
  const open = async function* () {
    yield bytes;
  };
  await rig.context.transfers.keep(
    name,
    { bytes: bytes.length, open: async () => open() },
    { kind: 'shared', id: 'F0OWN', by },
  );
}

let requests = 0;
async function ask(rig: DeskRig, text: string): Promise<string> {
  requests += 1;
  const requestKey = `script-${requests}`;
  return textOf(
    await rig.desk.command({ command: '/batch_run', text, requester: ANN, channelId: OPS, requestKey }),
  );
}

describe('a script, asked for', () => {
  test('is refused where it could not run or be sent, before anything is put down', async () => {
    await using rig = await openDeskRig();
    await keep(rig, 'large.sh', `#!/bin/sh\n${'#'.repeat(1024 * 1024)}`);
    await keep(rig, 'empty.sh', '');
    await keep(rig, 'program', '\x7fELF\0\0');
    await keep(rig, 'windows.sh', '#!/bin/sh\r\necho\r\n');
    await keep(rig, 'relative.sh', '#!python3\nprint()\n');
    await keep(rig, 'input', 'x'.repeat(16 * 1024 * 1024 + 1));
    for (const [words, reason] of [
      ['-script none.sh', 'none.sh'],
      ['-script large.sh', 'large.sh is larger than the 1 MiB that -script takes.'],
      ['-script empty.sh', 'empty.sh is empty.'],
      ['-script program', 'program is no script.'],
      ['-script windows.sh', 'windows.sh would not run: its lines end in CR LF.'],
      ['-script relative.sh', 'relative.sh would not run: its first line names no program by its full path.'],
      ['-stdin input -cmd id', 'input is larger than the 16 MiB that -stdin takes.'],
      ['-script ../key', '../key'],
      ['-cmd "echo {role}" -env "A={group}"', ''],
    ] as const) {
      expect(await ask(rig, `-h web01 ${words}`)).toContain(reason);
    }
    const runs = await rig.context.store.listRuns(10);
    // The last one names no variable that there is: its words are the shell's.
    expect(runs).toHaveLength(1);
    expect(runs[0]?.plan.targets[0].values).toEqual({ group: 'web' });
  });

  test('of Slack’s is the requester’s own, by what it was when it was shown', async () => {
    await using rig = await openDeskRig();
    const script = '#!/bin/sh\necho {host}\n';
    const file = { id: 'F0ANN', name: 'deploy.sh', bytes: script.length, uploader: ANN.userId };
    const open = async function* () {
      yield Buffer.from(script);
    };
    const others = { ...file, id: 'F0BOB', uploader: 'U0BOB' };
    Object.assign(rig.context.sharedFiles, { list: async () => [others, file], open: async () => open() });
    expect(await ask(rig, '-h web01 -script slack:deploy.sh -- one')).toBe('null');
    const [run] = await rig.context.store.listRuns(1);
    expect(run?.plan.work).toMatchObject({
      action: 'run',
      command: '',
      script: {
        shared: { id: 'F0ANN', uploader: ANN.userId },
        source: { bytes: script.length, sha256: createHash('sha256').update(script).digest('hex') },
        args: ['one'],
      },
    });
    // What stands in a script is the script's.
    expect(run?.plan.targets[0].values).toBeUndefined();
  });

  test('again gives each host the number that it had', async () => {
    await using rig = await openDeskRig();
    expect(await ask(rig, '-g web -cmd "echo {n} {host}"')).toContain(
      "each host's own; on web01: echo 1 web01",
    );
    const [run] = await rig.context.store.listRuns(1);
    expect(run?.plan.targets.map(({ values }) => values)).toEqual([
      { n: '1', host: 'web01' },
      { n: '2', host: 'web02' },
    ]);
    await drain(rig.store.store, () => okOutcome('fine'));
    // web02 is taken out: it is all that is left to repeat.
    const retry = {
      command: '/batch',
      text: `retry ${run?.id} failed`,
      requester: ANN,
      channelId: OPS,
      requestKey: 'again',
    };
    await rig.desk.command(retry);
    const [again] = await rig.context.store.listRuns(1);
    expect(again?.plan.retryOf).toBe(run?.id);
    expect(again?.plan.targets.map(({ values }) => values)).toEqual([{ n: '2', host: 'web02' }]);
  });
});
