import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Refusal, SUBJECTS, type Subject } from '../../src/errors.ts';
import { SEND_SHORTCUT } from '../../src/report/views/form.ts';
import type { ShortcutCall, SubmittedForm } from '../../src/requests/calls.ts';
import { openForm, placeRefusal } from '../../src/requests/form.ts';
import { openRequests } from '../../src/requests/open-requests.ts';
import type { SharedFile } from '../../src/run/shared-file.ts';
import { ANN, CLEO, countRuns, ELSEWHERE, formWith, OPS, openDeskRig, textOf } from './rig.ts';

describe('the form', () => {
  const fields = { hosts: ['@web'], command: ['df -h'] };

  test('runs what it has shown, once for a window, and only while that is still allowed', async () => {
    await using rig = await openDeskRig();
    const shown = await rig.desk.submit(formWith(fields));
    if (shown.kind !== 'shown') throw new Error(`expected a preview, not ${shown.kind}`);
    const metadata = shown.view.private_metadata ?? '';
    expect(textOf(shown.view)).toContain('Run on 1 host');

    // Another channel is another plan: it is shown anew, or refused.
    const elsewhere = await rig.desk.submit(formWith({ ...fields, channel: [ELSEWHERE] }, { metadata }));
    expect(elsewhere).toMatchObject({
      kind: 'faults',
      faults: { channel: expect.stringMatching(/other channels/) },
    });
    const other = await rig.desk.submit(formWith({ ...fields, command: ['reboot'] }, { metadata }));
    expect(other.kind).toBe('shown');
    // What one was shown, another may not have run.
    const stolen = await rig.desk.submit(formWith(fields, { metadata, requester: CLEO }));
    expect(stolen.kind).toBe('faults');

    const accepted = await rig.desk.submit(formWith(fields, { metadata }));
    if (accepted.kind !== 'accepted') throw new Error(`expected a yes, not ${accepted.kind}`);
    expect(await countRuns(rig)).toBe(0);
    await accepted.begin();
    await accepted.begin();
    expect(await countRuns(rig)).toBe(1);
    const [run] = await rig.store.store.listRuns(1);
    expect(run?.plan).toMatchObject({ work: { action: 'run', command: 'df -h' }, channelId: OPS });
    expect(run?.plan.typed).toBe('form: /batch_run -h @web -cmd df -h');
  });

  test('runs the very order by chance that it has shown', async () => {
    const hosts = Array.from(
      { length: 30 },
      (_, n) => `[h${n}]\nip = 10.0.1.${n}\nuser = root\npassword = x\n`,
    );
    await using rig = await openDeskRig({
      inventory: hosts.join(''),
      allowlist: `[all]\nusers = ${ANN.userId}\nchannels = ${OPS}\nhosts = all\nactions = run\ncommands = *\n`,
    });
    const wish = { hosts: ['all'], command: ['df -h'], order: ['random'], pick: ['8'], serial: ['1'] };
    const orders = new Set<string>();
    for (const _ of [1, 2, 3]) {
      const opened = openForm('run', { channelId: OPS });
      const again = await rig.desk.submit(formWith(wish, { metadata: opened.private_metadata ?? '' }));
      orders.add(JSON.stringify(again.kind === 'shown' ? again.view.blocks : undefined));
    }
    expect(orders.size).toBe(3);
    const { private_metadata = '' } = openForm('run', { channelId: OPS });
    const shown = await rig.desk.submit(formWith(wish, { metadata: private_metadata }));
    if (shown.kind !== 'shown') throw new Error(`expected a preview, not ${shown.kind}`);
    const metadata = shown.view.private_metadata ?? '';
    const accepted = await rig.desk.submit(formWith(wish, { metadata }));
    if (accepted.kind !== 'accepted') throw new Error(`expected a yes, not ${accepted.kind}`);
    await accepted.begin();
    const [run] = await rig.store.store.listRuns(1);
    const order = run?.plan.targets.map(({ host }) => host) ?? [];
    expect(order).toHaveLength(8);
    const batches = order.map((host, n) => `batch ${n + 1} of 8: ${host}`).join('\n');
    expect(textOf(shown.view)).toContain(JSON.stringify(batches).slice(1, -1));
  });

  test('that comes late begins nothing, and is no second word where its first delivery began the run', async () => {
    await using rig = await openDeskRig();
    const shown = await rig.desk.submit(formWith(fields));
    const metadata = shown.kind === 'shown' ? (shown.view.private_metadata ?? '') : '';
    const late = () => rig.desk.submit(formWith(fields, { metadata, isLate: true }));
    expect(await late()).toMatchObject({
      kind: 'faults',
      faults: { hosts: expect.stringMatching(/Press again/) },
    });
    const accepted = await rig.desk.submit(formWith(fields, { metadata }));
    if (accepted.kind === 'accepted') await accepted.begin();
    const again = await openRequests(rig.context).submit(formWith(fields, { metadata, isLate: true }));
    if (again.kind !== 'accepted') throw new Error(`expected a closed window, not ${again.kind}`);
    expect(await again.begin()).toBeUndefined();
    expect(await countRuns(rig)).toBe(1);
  });

  test('that began a run, and is changed and sent once more as its window did not close, says that this runs nothing', async () => {
    await using rig = await openDeskRig();
    const send = async (filled: SubmittedForm['fields']) => {
      const shown = await rig.desk.submit(formWith(filled));
      const metadata = shown.kind === 'shown' ? (shown.view.private_metadata ?? '') : '';
      const accepted = await rig.desk.submit(formWith(filled, { metadata }));
      return accepted.kind === 'accepted' ? await accepted.begin() : accepted;
    };
    expect(await send(fields)).toBeUndefined();
    const [run] = await rig.store.store.listRuns(1);
    // Slack brought the very same once more.
    expect(await send(fields)).toBeUndefined();
    expect(JSON.stringify(await send({ ...fields, command: ['uptime'] }))).toContain(
      `This has begun ${run?.id} already, as it was sent first: nothing more was run`,
    );
    expect(await countRuns(rig)).toBe(1);
  });

  test('refuses each thing at its field', async () => {
    await using rig = await openDeskRig();
    for (const [wrong, field] of [
      [{ hosts: ['db01'] }, 'hosts'],
      [{ terms: ['nope'] }, 'terms'],
      [{ fanout: ['1000'] }, 'fanout'],
      [{ limit: ['9h'] }, 'limit'],
      [{ serial: ['1'], wait: ['9h'] }, 'wait'],
    ] as const) {
      const verdict = await rig.desk.submit(formWith({ ...fields, ...wrong }));
      expect(verdict).toMatchObject({ kind: 'faults' });
      if (verdict.kind === 'faults') expect(Object.keys(verdict.faults)).toEqual([field]);
    }
    const cleo = await rig.desk.submit(
      formWith({ hosts: ['web01'], command: ['reboot'] }, { requester: CLEO }),
    );
    expect(cleo).toMatchObject({ kind: 'faults', faults: { command: expect.stringContaining('looks') } });
    expect(await countRuns(rig)).toBe(0);
  });

  test('shows a no at the field it is about, whatever words it is said in', () => {
    const about = (subject: Subject | undefined, form: SubmittedForm) =>
      Object.keys(
        placeRefusal(
          form,
          new Refusal('not-allowed', 'Other hosts, -c 3, transfer folder.', { about: subject }),
        ),
      );
    const run = formWith({ ...fields, fanout: ['3'], limit: ['1m'], sudo: ['root'], wait: ['9h'] });
    const copy = formWith({ terms: ['web01'], action: ['put'], local: ['a'], remote: ['/b'] });
    const shared = formWith({ terms: ['web01'], remote: ['/b'] });
    const of = (form: SubmittedForm) =>
      SUBJECTS.map((subject) => [subject, ...about(subject, form)].join(' '));
    expect(of(run)).toEqual([
      'hosts hosts',
      'command command',
      'sudo sudo',
      'script hosts',
      'stdin hosts',
      'env hosts',
      'action command',
      'local hosts',
      'remote hosts',
      'fan-out fanout',
      'time-limit limit',
      'wait wait',
      'channel channel',
    ]);
    const script = formWith({ hosts: ['web01'], script: ['a.sh'], env: ['A=1'] });
    expect(of(script)).toEqual(
      expect.arrayContaining(['command script', 'local script', 'script script', 'env env', 'stdin hosts']),
    );
    expect(of(copy)).toEqual([
      'hosts terms',
      'command hosts',
      'sudo hosts',
      'script hosts',
      'stdin hosts',
      'env hosts',
      'action action',
      'local local',
      'remote remote',
      'fan-out hosts',
      'time-limit hosts',
      'wait hosts',
      'channel channel',
    ]);
    expect(about('local', shared)).toEqual(['remote']);
    expect(about(undefined, run)).toEqual(['hosts']);
  });

  test('of another version is refused as a whole, and that is audited', async () => {
    await using rig = await openDeskRig();
    const old = formWith(fields, { callbackId: 'batchops_form_old' });
    await expect(rig.desk.submit(old)).rejects.toThrow(/another version/);
    const actions: string[] = [];
    for await (const entry of rig.store.store.audit.entries()) actions.push(entry.action);
    expect(actions).toContain('refused');
  });

  test('of a copy names the file that is not there', async () => {
    await using rig = await openDeskRig();
    const copy = { hosts: ['web01'], action: ['put'], local: ['none.txt'], remote: ['/tmp/'] };
    const verdict = await rig.desk.submit(formWith(copy, { callbackId: 'batchops_form_copy' }));
    expect(verdict).toMatchObject({
      kind: 'faults',
      faults: { local: expect.stringMatching(/no none\.txt/) },
    });
  });
});

describe('where results cannot be asked for', () => {
  test.each([
    ['/batch_run', 'channel'],
    ['/batch_scp', 'channel'],
    ['/batch_run', 'direct message'],
    ['/batch_scp', 'direct message'],
  ])('the form of %s does not begin with it: in a %s', async (command, where) => {
    await using rig = await openDeskRig();
    const isDirect = where === 'direct message';
    const asked = { command, text: '', requester: ANN, channelId: OPS, requestKey: 'k', isDirect };
    const form = textOf(await rig.desk.command(asked));
    expect(form.includes(`"initial_conversation":"${OPS}"`)).toBe(!isDirect);
    expect(form.includes('"default_to_current_conversation":true')).toBe(isDirect);
  });
});

describe("a file of Slack's", () => {
  const onMessage = (files: ShortcutCall['files']): ShortcutCall => {
    return { callbackId: SEND_SHORTCUT, requester: ANN, channelId: OPS, requestKey: 'k', files };
  };

  test('that its message names by its id alone is asked for before the form is filled', async () => {
    await using rig = await openDeskRig();
    const asked: string[] = [];
    const describe = async (id: string): Promise<SharedFile> => {
      asked.push(id);
      return { id, name: 'motd', bytes: 2_048, uploader: CLEO.userId };
    };
    const desk = openRequests({ ...rig.context, sharedFiles: { ...rig.context.sharedFiles, describe } });
    const form = textOf(await desk.shortcut(onMessage([{ id: 'F1' }])));
    expect(form).toMatch(/The file .*motd.*2\.0 KiB|2 KiB/);
    expect(form).toContain(`\\"uploader\\":\\"${CLEO.userId}\\"`);
    const known = { id: 'F2', name: 'hosts', bytes: 1, uploader: ANN.userId };
    expect(textOf(await desk.shortcut(onMessage([known])))).toContain('hosts');
    expect(asked).toEqual(['F1']);
  });

  test('that Slack tells nothing of, or not soon enough for a window, gets no form', async () => {
    await using rig = await openDeskRig();
    expect(textOf(await rig.desk.shortcut(onMessage([{ id: 'F1' }])))).toContain('no file');
    const never = () => new Promise<never>(() => undefined);
    const desk = openRequests({
      ...rig.context,
      sharedFiles: { ...rig.context.sharedFiles, describe: never },
    });
    const answer = textOf(await desk.shortcut(onMessage([{ id: 'F1' }])));
    expect(answer).toContain('does not tell what this file is');
    expect(answer).not.toContain('remote');
  });

  test('never takes the place of another whose name only looks alike here', async () => {
    await using rig = await openDeskRig();
    const contents: Record<string, string> = { F1: 'grant\n', F2: 'revoke\n' };
    const files = Object.entries(contents).map(
      ([id, text], index): SharedFile => ({
        id,
        name: ['права.sh', 'отказ.sh'][index] ?? '',
        bytes: text.length,
        uploader: ANN.userId,
      }),
    );
    // Both are brought here before either is read.
    let brought = 0;
    const both = Promise.withResolvers<void>();
    const { transfers } = rig.context;
    const desk = openRequests({
      ...rig.context,
      transfers: {
        ...transfers,
        async keep(local, content, origin) {
          await transfers.keep(local, content, origin);
          brought += 1;
          if (brought === 2) both.resolve();
          await both.promise;
        },
      },
      sharedFiles: {
        list: async () => files,
        describe: async () => Promise.reject(new Error('nobody asked')),
        async open(id) {
          return (async function* () {
            yield Buffer.from(contents[id] ?? '');
          })();
        },
      },
    });
    await Promise.all(
      files.map(({ id, name }) =>
        desk.command({
          command: '/batch_scp',
          text: `-h web01 -action put slack:${name} /tmp/`,
          requester: ANN,
          channelId: OPS,
          requestKey: id,
        }),
      ),
    );
    const runs = await rig.store.store.listRuns(10);
    const sent = runs.map(({ plan }) => [plan.typed, plan.work.action === 'put' && plan.work.source.sha256]);
    expect(new Map(sent.map(([typed, sha]) => [String(typed).split(' ')[5], sha]))).toEqual(
      new Map(
        files.map(({ id, name }) => [
          `slack:${name}`,
          createHash('sha256')
            .update(contents[id] ?? '')
            .digest('hex'),
        ]),
      ),
    );
  });
});
