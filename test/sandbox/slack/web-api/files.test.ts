import { describe, expect, test } from 'vitest';
import { ANN, call, EVE, OPS, openClient, openTestSlack, WEB } from '../rig.ts';

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
    const [reply] = slack.thread(OPS, ts);
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
    const id = slack.messages(OPS)[0]?.files[0] ?? '';
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
    ['a snippet above 1 MB', { filename: 'a', length: 1_000_001, snippet_type: 'text' }, 'snippet_too_large'],
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
    expect(slack.messages(OPS)).toHaveLength(1);
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
    const id = slack.messages(OPS)[0]?.files[0] ?? '';
    const shown = await fetch(`${slack.url}/page/file/${id}?user=${ANN}`);
    expect(await shown.text()).toBe('<script>1</script>');
    expect(shown.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(shown.headers.get('content-security-policy')).toContain('sandbox');
    expect(shown.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await fetch(`${slack.url}/page/file/${id}?user=${EVE}`)).status).toBe(404);
  });
});
