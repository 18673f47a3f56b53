import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Refusal, SUBJECTS, type Subject } from '../../src/errors.ts';
import type { Directory } from '../../src/ports.ts';
import {
  AGAIN_ACTION,
  CANCEL_ACTION,
  CANCEL_HOST_ACTION,
  SHOW_HOST_ACTION,
} from '../../src/report/buttons.ts';
import { HOSTS_ACTION, SEND_SHORTCUT } from '../../src/report/views/form.ts';
import type { Answer } from '../../src/report/views/view.ts';
import type { ShortcutCall, SubmittedForm } from '../../src/requests/calls.ts';
import { placeRefusal } from '../../src/requests/form.ts';
import { openRequests } from '../../src/requests/open-requests.ts';
import type { SharedFile } from '../../src/run/shared-file.ts';
import { drain, okOutcome, openRun } from '../store/rig.ts';
import { ANN, CLEO, clickOn, DAN, type DeskRig, ELSEWHERE, formWith, OPS, openDeskRig } from './rig.ts';

const textOf = (answer: Answer | undefined): string => JSON.stringify(answer ?? null);

/** A finished run of Ann's on [web]. */
async function runOnce(rig: DeskRig): Promise<string> {
  await rig.desk.command({
    command: '/batch_run',
    text: '-g web -cmd "df -h"',
    requester: ANN,
    channelId: OPS,
    requestKey: 'first',
  });
  await drain(rig.store.store, () => okOutcome('fine'));
  const [run] = await rig.store.store.listRuns(1);
  return run?.id ?? '';
}

const countRuns = async (rig: DeskRig): Promise<number> => (await rig.store.store.listRuns(100)).length;

describe('a button that runs something', () => {
  test('makes one run of a click, however often it is made and brought', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const click = clickOn(AGAIN_ACTION, id);
    const double = clickOn(AGAIN_ACTION, id, { clickedAt: click.clickedAt + 300 });
    const answers = await Promise.all([click, double, click].map((one) => rig.desk.press(one)));
    expect(await countRuns(rig)).toBe(2);
    expect(answers.map(textOf).filter((text) => text.includes('already begun'))).toHaveLength(2);
    await drain(rig.store.store);
    expect(textOf(await rig.desk.press(click))).toMatch(/already begun r-\w{4}/);
    expect(await countRuns(rig)).toBe(2);
  });

  test('makes another run of a click that was made after the run had ended', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const first = clickOn(AGAIN_ACTION, id);
    await rig.desk.press(first);
    await drain(rig.store.store);
    const clickedAt = Date.now() + 11_000;
    const desk = openRequests({ ...rig.context, now: () => clickedAt });
    const later = clickOn(AGAIN_ACTION, id, { clickedAt });
    expect(await desk.press(later)).toBeUndefined();
    expect(await countRuns(rig)).toBe(3);
    // Both brought once more.
    await desk.press(later);
    await desk.press(first);
    expect(await countRuns(rig)).toBe(3);
  });

  test('knows the same click although our clock is minutes behind that of Slack', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const click = clickOn(AGAIN_ACTION, id, { clickedAt: Date.now() + 300_000 });
    await rig.desk.press(click);
    await drain(rig.store.store);
    await rig.desk.press(click);
    expect(await countRuns(rig)).toBe(2);
    // Nor is the second of a double click taken for one that was made minutes after the run.
    await rig.desk.press(clickOn(AGAIN_ACTION, id, { clickedAt: click.clickedAt + 300 }));
    expect(await countRuns(rig)).toBe(2);
  });

  test('knows each click that is brought again, whatever ran since and whatever the clocks say', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    let now = Date.now();
    const desk = openRequests({ ...rig.context, now: () => now });
    const ahead = 3_600_000;
    const clicks = [0, 20_000, 40_000].map((afterMs) =>
      clickOn(AGAIN_ACTION, id, { clickedAt: now + ahead + afterMs }),
    );
    for (const click of clicks) {
      expect(await desk.press(click)).toBeUndefined();
      await drain(rig.store.store);
      now += 20_000;
    }
    now += 60_000;
    for (const click of clicks) expect(textOf(await desk.press(click))).toMatch(/already begun r-\w{4}/);
    expect(await countRuns(rig)).toBe(4);
  });

  test('can be clicked again at once where nothing could be posted, and so nothing ran', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    rig.canPost = false;
    const refused = await rig.desk.press(clickOn(AGAIN_ACTION, id));
    expect(textOf(refused)).toContain('does not take messages');
    rig.canPost = true;
    await rig.desk.press(clickOn(AGAIN_ACTION, id, { clickedAt: Date.now() + 5 }));
    expect(rig.opened).toHaveLength(2);
  });

  test('is judged by the rights of the one who clicks, today and here, and each no is audited', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    for (const [requester, channelId, expected] of [
      [CLEO, OPS, /may not run this here/],
      [DAN, OPS, /No rule of this bot names you/],
      [CLEO, ELSEWHERE, /no run r-\w{4} here/],
      [ANN, ELSEWHERE, /other channels/],
    ] as const) {
      const answer = await rig.desk.press(clickOn(AGAIN_ACTION, id, { requester, channelId }));
      expect(textOf(answer)).toMatch(expected);
    }
    expect(await countRuns(rig)).toBe(1);
    let refusals = 0;
    for await (const entry of rig.store.store.audit.entries()) refusals += Number(entry.action === 'refused');
    expect(refusals).toBe(4);
  });
});

describe('cancelling', () => {
  test('tells those who may not see a run nothing of it, not even that it is there', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const cancel = async (runId: string, channelId: string) => {
      const answer = await rig.desk.press(clickOn(CANCEL_ACTION, runId, { requester: CLEO, channelId }));
      return textOf(answer).replaceAll(runId, 'RUN');
    };
    expect(await cancel(id, OPS)).toContain('is not yours to cancel');
    expect(await cancel(id, ELSEWHERE)).toBe(await cancel('r-0000', ELSEWHERE));
    // One's own is stopped from anywhere; this one has ended.
    const own = await rig.desk.press(clickOn(CANCEL_ACTION, id, { channelId: ELSEWHERE }));
    expect(textOf(own)).toContain('already finished');
  });

  test('is open to the person who asked for the run, not to whoever has the same id elsewhere', async () => {
    const strangers: Directory = {
      standingOf: async () => {
        throw new Refusal('not-allowed', 'of another organisation');
      },
    };
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const desk = openRequests({ ...rig.context, directory: strangers });
    const press = (teamId: string) =>
      desk.press(clickOn(CANCEL_ACTION, id, { requester: { ...ANN, teamId } }));
    expect(textOf(await press('T2'))).toContain('of another organisation');
    expect(textOf(await press(ANN.teamId))).toContain('already finished');
  });
});

describe('what the selects offer', () => {
  const optionsOf = async (rig: DeskRig, more: Partial<Parameters<DeskRig['desk']['suggest']>[0]>) => {
    const query = { actionId: HOSTS_ACTION, blockId: 'hosts', text: '', requester: ANN, channelId: '' };
    const groups = await rig.desk.suggest({ ...query, ...more });
    return groups.flatMap((group) => group.options.map(({ value }) => value));
  };

  test('are only the hosts that a rule is for, and the groups that are so as a whole', async () => {
    await using rig = await openDeskRig();
    expect(await optionsOf(rig, {})).toEqual(['@web', 'web01', 'web02']);
    expect(await optionsOf(rig, { text: '02' })).toEqual(['web02']);
    expect(await optionsOf(rig, { text: '@' })).toEqual(['@web']);
    expect(await optionsOf(rig, { requester: CLEO })).toEqual(['web01']);
    expect(await optionsOf(rig, { requester: DAN })).toEqual([]);
  });

  test('are the hosts of a run, to those who may see it', async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const ask = { actionId: SHOW_HOST_ACTION, blockId: `batchops_run:${id}:finished`, channelId: OPS };
    // Trouble first: web02 is disabled, and so was skipped.
    expect(await optionsOf(rig, ask)).toEqual(['1', '0']);
    expect(await optionsOf(rig, { ...ask, text: 'skipped' })).toEqual(['1']);
    expect(await optionsOf(rig, { ...ask, requester: CLEO, channelId: ELSEWHERE })).toEqual([]);
    expect(await optionsOf(rig, { ...ask, requester: DAN })).toEqual([]);
    expect(await optionsOf(rig, { ...ask, actionId: CANCEL_HOST_ACTION })).toEqual([]);
    expect(await optionsOf(rig, { ...ask, blockId: 'batchops_run:r-none:finished' })).toEqual([]);
  });
});

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

describe('the Home tab', () => {
  test("lists one's own runs, and the team's of the channels that one's rules name", async () => {
    await using rig = await openDeskRig();
    const id = await runOnce(rig);
    const [mine, hers, nobodys] = await Promise.all([ANN, CLEO, DAN].map((who) => rig.desk.home(who)));
    expect(JSON.stringify(mine)).toContain(`${id}: 1 ok, 1 skipped of 2`);
    expect(JSON.stringify(mine)).toContain('Disabled: web02');
    // `channels = *` names no channel.
    expect(JSON.stringify(hers)).not.toContain(id);
    expect(JSON.stringify(hers)).not.toContain('web02');
    expect(JSON.stringify(nobodys)).not.toMatch(/web0|r-\w{4}|df/);
  });

  test('reads no hundreds of large runs to show a few', async () => {
    await using rig = await openDeskRig();
    const asked: number[] = [];
    const { store } = rig.context;
    const targets = 5_000;
    await openRun(store, { hosts: targets, requester: ANN, channelId: OPS });
    const [large] = await store.listRuns(1);
    const desk = openRequests({
      ...rig.context,
      store: {
        ...store,
        async listRuns(count) {
          asked.push(count);
          return large === undefined ? [] : Array.from({ length: count }, () => large);
        },
      },
    });
    expect(JSON.stringify(await desk.home(ANN))).toContain(large?.id);
    expect(asked.reduce((sum, count) => sum + count, 0) * targets).toBeLessThan(500_000);
    // Small ones are looked at further back, until there is enough to show.
    asked.length = 0;
    const [small, hers] = [await runOnce(rig), CLEO];
    const run = await store.findRun(small);
    if (run === undefined) throw new Error('no run');
    const other = { ...run, plan: { ...run.plan, requester: hers } };
    const far = openRequests({
      ...rig.context,
      store: {
        ...store,
        listRuns: async (count) => Array.from({ length: count }, (_, i) => (i === 400 ? run : other)),
      },
    });
    expect(JSON.stringify((await far.home(ANN)).blocks)).not.toContain('nothing lately');
  });
});
