import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { createSharedFiles, isSlacks } from '../../src/slack/shared-files.ts';
import { openWorkspace } from '../../src/slack/workspace.ts';
import { ANN, OPS, openTestSlack, recordLog, settingsFor } from './rig.ts';

async function openRig() {
  const slack = await openTestSlack();
  const log = recordLog();
  const settings = settingsFor(slack);
  const workspace = await openWorkspace(settings, { mask: (text) => text, log });
  return { slack, settings, workspace, log, files: createSharedFiles(settings, workspace, log) };
}

async function readAll(content: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("files of Slack's", () => {
  test('are fetched whole where the bot may read them', async () => {
    const { slack, files } = await openRig();
    await using _ = slack;
    const { files: shared } = slack.upload({ user: ANN, channel: OPS, name: 'motd', content: 'hello\n' });
    expect(await readAll(await files.open(shared[0] ?? '', 1_000))).toBe('hello\n');
    expect(slack.violations).toEqual([]);
  });

  test('are told of one by one, with all that their message may have left out', async () => {
    const { slack, files } = await openRig();
    await using _ = slack;
    const motd = { user: ANN, channel: OPS, name: 'motd', content: 'hello\n', isBare: true };
    const [id = ''] = slack.upload(motd).files;
    expect(await files.describe(id)).toEqual({ id, name: 'motd', bytes: 6, uploader: ANN });
    await expect(files.describe('F0NONE')).rejects.toThrow(/could not be fetched/);
  });

  test('are refused where the bot is not, where they are too large, and where there is none', async () => {
    const { slack, files } = await openRig();
    await using _ = slack;
    const [here = ''] = slack.upload({ user: ANN, channel: OPS, name: 'a', content: 'hello\n' }).files;
    await expect(files.open(here, 5)).rejects.toThrow(/larger than/);
    await expect(files.open('F0NONE', 1_000)).rejects.toThrow(/could not be fetched/);
    slack.workspace.changeChannel(OPS, { members: new Set([ANN]), kind: 'private' });
    await expect(files.open(here, 1_000)).rejects.toThrow(/could not be fetched/);
  });

  test('are fetched from no other host, and the token goes to none', async () => {
    const { slack, settings, workspace, log } = await openRig();
    await using _ = slack;
    const asked: (string | undefined)[] = [];
    const elsewhere = createServer((request, response) => {
      asked.push(request.headers.authorization);
      response.end('hello');
    });
    await new Promise<void>((done) => elsewhere.listen(0, '127.0.0.1', done));
    const { port } = elsewhere.address() as AddressInfo;
    const info = async () => ({
      ok: true,
      file: { name: 'a', size: 5, url_private: `http://127.0.0.1:${port}/a` },
    });
    const answers = Object.assign(Object.create(workspace.answers), { files: { info } });
    const files = createSharedFiles(settings, { ...workspace, answers }, log);
    await expect(files.open('F1', 1_000)).rejects.toThrow(/could not be fetched/);
    expect(asked).toEqual([]);
    await new Promise((done) => elsewhere.close(done));
  });

  test('that break off on their way are refused, and are no defect', async () => {
    const { slack, settings, workspace, log } = await openRig();
    await using _ = slack;
    const breaking = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': 5 });
      response.write('he', () => response.destroy());
    });
    await new Promise<void>((done) => breaking.listen(0, '127.0.0.1', done));
    const { port } = breaking.address() as AddressInfo;
    const origin = `http://127.0.0.1:${port}/`;
    const info = async () => ({ ok: true, file: { name: 'a', size: 5, url_private: `${origin}a` } });
    const answers = Object.assign(Object.create(workspace.answers), { files: { info } });
    const files = createSharedFiles({ ...settings, apiUrl: origin }, { ...workspace, answers }, log);
    await expect(files.open('F1', 1_000).then(readAll)).rejects.toThrow(Refusal);
    await new Promise((done) => breaking.close(done));
  });

  test.each([
    ['https://files.slack.com/files-pri/T1-F1/a', true],
    ['https://slack.com/a', true],
    ['http://files.slack.com/a', false],
    ['https://files.slack.com.evil.example/a', false],
    ['https://files.slack.com:8443/a', false],
    ['https://user@files.slack.com/a', false],
    ['https://evil.example/files.slack.com', false],
    ['file:///etc/passwd', false],
    ['nonsense', false],
  ])('%s is at Slack: %s', (url, expected) => {
    expect(isSlacks(url, 'https://slack.com/api/')).toBe(expected);
  });

  test('lie beside the API of other Slacks too', () => {
    expect(isSlacks('https://files.slack-gov.com/a', 'https://slack-gov.com/api/')).toBe(true);
    expect(isSlacks('https://files.slack.com/a', 'http://127.0.0.1:3000/api/')).toBe(false);
    expect(isSlacks('http://127.0.0.1:3000/files-pri/a', 'http://127.0.0.1:3000/api/')).toBe(true);
  });
});
