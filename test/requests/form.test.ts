import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Refusal, SUBJECTS, type Subject } from '../../src/errors.ts';
import { SEND_SHORTCUT } from '../../src/report/views/form.ts';
import type { ShortcutCall, SubmittedForm } from '../../src/requests/calls.ts';
import { placeRefusal } from '../../src/requests/form.ts';
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

  test('refuses each thing at its field', async () => {
    await using rig = await openDeskRig();
    for (const [wrong, field] of [
      [{ hosts: ['db01'] }, 'hosts'],
      [{ terms: ['nope'] }, 'terms'],
      [{ fanout: ['1000'] }, 'fanout'],
      [{ limit: ['9h'] }, 'limit'],
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
    const run = formWith({ ...fields, fanout: ['3'], limit: ['1m'] });
    const copy = formWith({ terms: ['web01'], action: ['put'], local: ['a'], remote: ['/b'] });
    const shared = formWith({ terms: ['web01'], remote: ['/b'] });
    const of = (form: SubmittedForm) =>
      SUBJECTS.map((subject) => [subject, ...about(subject, form)].join(' '));
    expect(of(run)).toEqual([
      'hosts hosts',
      'command command',
      'action command',
      'local hosts',
      'remote hosts',
      'fan-out fanout',
      'time-limit limit',
      'channel channel',
    ]);
    expect(of(copy)).toEqual([
      'hosts terms',
      'command hosts',
      'action action',
      'local local',
      'remote remote',
      'fan-out hosts',
      'time-limit hosts',
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
