import { describe, expect, test } from 'vitest';
import type { LocalSlack } from '../../../../src/sandbox/slack/local-slack.ts';
import { ANN, call, EVE, OPS, openClient, openTestSlack, WEB } from '../rig.ts';

/** A file whose bytes are with Slack, to be completed. */
async function uploaded(slack: LocalSlack) {
  const begun = await call(slack, 'files.getUploadURLExternal', { filename: 'a.txt', length: 3 });
  await fetch(String(begun.upload_url), { method: 'POST', body: 'abc' });
  const files = [{ id: begun.file_id }];
  return {
    id: begun.file_id,
    complete: (where: object) => call(slack, 'files.completeUploadExternal', { files, ...where }),
  };
}

describe('files', () => {
  test('filesUploadV2 puts the bytes into the thread', async () => {
    await using slack = await openTestSlack();
    const client = openClient(slack);
    const { ts = '' } = await client.chat.postMessage({ channel: OPS, text: 'root' });
    const bytes = Buffer.from([0, 1, 2, 255, 13, 10, 45, 45]);
    const sent = await client.filesUploadV2({
      channel_id: OPS,
      thread_ts: ts,
      filename: 'core.bin',
      file: bytes,
      initial_comment: 'web1',
    });
    expect(sent.ok).toBe(true);
    const reply = await slack.waitFor(() => slack.thread(OPS, ts)[0]);
    expect(reply).toMatchObject({ text: 'web1', files: [expect.stringMatching(/^F/)] });
    const file = slack.workspace.files.get(reply?.files[0] ?? '');
    expect(file).toMatchObject({ name: 'core.bin', mimetype: 'application/octet-stream' });
    expect(Buffer.from(file?.bytes ?? [])).toEqual(bytes);
    expect(slack.violations).toEqual([]);
  });

  test('url_private takes the token, else it leads to the page to sign in on', async () => {
    await using slack = await openTestSlack();
    const client = openClient(slack);
    await client.filesUploadV2({ channel_id: OPS, filename: 'df out.txt', content: 'Füll' });
    const id = await slack.waitFor(() => slack.messages(OPS)[0]?.files[0]);
    const { file } = await client.files.info({ file: id });
    expect(file).toMatchObject({ id, mimetype: 'text/plain', size: 5, shares: { public: { [OPS]: [{}] } } });
    const url = file?.url_private_download ?? '';
    const headers = { authorization: `Bearer ${slack.settings.tokens.bot}` };
    expect(await (await fetch(url, { headers })).text()).toBe('Füll');
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(302);
  });

  test.each([
    ['an empty file', { filename: 'a', length: 0 }, 'missing_argument'],
    ['no name', { length: 1 }, 'invalid_arguments'],
  ])('%s gets no upload', async (_what, values, error) => {
    await using slack = await openTestSlack();
    expect(await call(slack, 'files.getUploadURLExternal', values)).toMatchObject({ error });
  });

  test('an upload counts once its bytes came, all of them, once', async () => {
    await using slack = await openTestSlack();
    const begun = await call(slack, 'files.getUploadURLExternal', { filename: 'a.txt', length: 3 });
    const files = [{ id: begun.file_id }];
    const complete = () => call(slack, 'files.completeUploadExternal', { files, channel_id: OPS });
    const send = async (body: string) =>
      (await fetch(String(begun.upload_url), { method: 'POST', body })).status;
    expect(await complete()).toMatchObject({ error: 'file_not_found' });
    expect(await send('four')).toBe(400);
    expect(await send('abc')).toBe(200);
    expect(await send('abc')).toBe(404);
    expect(await complete()).toMatchObject({ ok: true, files: [{ id: begun.file_id, title: 'a.txt' }] });
    expect(await complete()).toMatchObject({ error: 'file_not_found' });
    await slack.waitFor(() => slack.messages(OPS).length === 1);
  });

  test('is answered before the file is shown, which says meanwhile that it is nowhere', async () => {
    await using late = await openTestSlack({ pace: { fileShareMs: 60_000 } });
    const { ts: lateTs } = await call(late, 'chat.postMessage', { channel: OPS, text: 'root' });
    const unseen = await uploaded(late);
    expect(await unseen.complete({ channel_id: OPS, thread_ts: lateTs })).toMatchObject({
      ok: true,
      files: [{ id: unseen.id, shares: {} }],
    });
    expect(late.thread(OPS, String(lateTs))).toEqual([]);
    await using slack = await openTestSlack();
    const { ts } = await call(slack, 'chat.postMessage', { channel: OPS, text: 'root' });
    const { complete, id } = await uploaded(slack);
    await complete({ channel_id: OPS, thread_ts: ts });
    await slack.waitFor(() => slack.thread(OPS, String(ts))[0]?.files[0] === id);
    expect(await call(slack, 'files.info', { file: id })).toMatchObject({
      file: { shares: { public: { [OPS]: [{ thread_ts: ts }] } } },
    });
  });

  test.each([
    ['a name', { channel_id: '#ops' }, 'invalid_arguments'],
    ['a person', { channel_id: ANN }, 'invalid_arguments'],
    ['a short id', { channel_id: 'C1' }, 'invalid_arguments'],
    ['a channel that is not there', { channel_id: 'C0NONE001' }, 'channel_not_found'],
    ['a thread of no channel', { thread_ts: '1.000000' }, 'invalid_arguments'],
    ['a thread that is not there', { channel_id: OPS, thread_ts: '1.000000' }, 'thread_not_found'],
  ])('goes to a channel and a thread that exist: %s', async (_what, where, error) => {
    await using slack = await openTestSlack();
    const { complete } = await uploaded(slack);
    expect(await complete(where)).toMatchObject({ error });
    // The upload is not lost with it.
    expect(await complete({ channel_id: OPS })).toMatchObject({ ok: true });
  });

  test('sharing takes membership, whatever chat:write.public says', async () => {
    await using slack = await openTestSlack();
    const client = openClient(slack);
    const upload = client.filesUploadV2({ channel_id: WEB, filename: 'a.txt', content: 'a' });
    await expect(upload).rejects.toThrow('not_in_channel');
    expect(slack.messages(WEB)).toEqual([]);
  });

  test('the page shows a file to who sees its channel, and never as a page of its own', async () => {
    await using slack = await openTestSlack();
    const client = openClient(slack);
    await client.filesUploadV2({ channel_id: OPS, filename: 'x.html', content: '<script>1</script>' });
    const id = await slack.waitFor(() => slack.messages(OPS)[0]?.files[0]);
    const shown = await fetch(`${slack.url}/page/file/${id}?user=${ANN}`);
    expect(await shown.text()).toBe('<script>1</script>');
    expect(shown.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(shown.headers.get('content-security-policy')).toContain('sandbox');
    expect(shown.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await fetch(`${slack.url}/page/file/${id}?user=${EVE}`)).status).toBe(404);
  });
});
