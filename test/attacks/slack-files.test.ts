import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { openAuditTrail } from '../../src/store/audit/trail.ts';
import { ADA, BOB, OPS, openStage, SECRET, shown } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

/** Both may copy anywhere on h1. */
const RULES = `
[both]
users = ${ADA}, ${BOB}
channels = *
hosts = h1
actions = put, get
paths = *
`;

test.skipIf(!HAS_SSHD)(
  "nobody sends another's upload by its name, by its path in the folder or from another channel, and where a file came from is said",
  async () => {
    await using stage = await openStage({ allowlist: RULES });
    const { slack, home } = stage;
    const there = home.path('there');
    const copy = async (user: string, text: string): Promise<string> => {
      const before = slack.messages(OPS).length;
      const outcome = await slack.command({ user, channel: OPS, command: '/batch_scp', text });
      return await slack.waitFor(() => {
        const [answer] = outcome.answers();
        if (answer !== undefined) return shown(answer);
        const root = slack
          .messages(OPS)
          .slice(before)
          .find(({ isFromApp }) => isFromApp);
        return root !== undefined && / of \d+ in /.test(root.text) && shown(root);
      }, 20_000);
    };
    const upload = (user: string, content: string, channel = OPS) =>
      slack.upload({ user, channel, name: 'deploy.sh', content }).files[0] ?? '';

    const adas = upload(ADA, 'echo mine\n');
    const sum = createHash('sha256').update('echo mine\n').digest('hex');
    // A newer one of the name, by somebody else, after she looked.
    const preview = await copy(ADA, `-h h1 -n -action put slack:deploy.sh ${there}`);
    expect(preview).toMatch(new RegExp(`10 bytes, SHA-256 ${sum}, Slack's file ${adas}, uploaded by ${ADA}`));
    const bobs = upload(BOB, 'echo his\n');
    expect(await copy(ADA, `-h h1 -action put slack:deploy.sh ${there}`)).toMatch(
      new RegExp(`1 ok of 1[\\s\\S]*SHA-256 ${sum}[\\s\\S]*${adas}`),
    );
    expect(await readFile(there, 'utf8')).toBe('echo mine\n');

    // What the bot has fetched for her is no file of the folder's for him: by its path, roundabout, by a link.
    await symlink(home.path('data/transfers/slack'), home.path('data/transfers/link'));
    const elsewhere = home.path('elsewhere');
    for (const path of [`slack/${adas}/deploy.sh`, `./slack//${adas}/deploy.sh`, `link/${adas}/deploy.sh`]) {
      expect(await copy(BOB, `-h h1 -action put ${path} ${elsewhere}`)).toMatch(
        /from Slack, and not of your uploads/,
      );
      const looked = await copy(BOB, `-h h1 -n -action put ${path} ${elsewhere}`);
      expect(looked).toMatch(/Refused: This file is from Slack/);
      expect(looked).not.toContain(sum);
    }
    // Nor is one that was brought here before there was a record.
    await mkdir(home.path('data/transfers/slack/F0OLD'), { recursive: true });
    await writeFile(home.path('data/transfers/slack/F0OLD/old'), 'whose?\n');
    for (const user of [ADA, BOB]) {
      expect(await copy(user, `-h h1 -action put slack/F0OLD/old ${elsewhere}`)).toMatch(
        /from Slack, and not of your/,
      );
    }
    // Of another channel, by its id.
    const hidden = upload(ADA, 'echo hidden\n', SECRET);
    expect(await copy(BOB, `-h h1 -action put slack:${hidden} ${elsewhere}`)).toMatch(/You shared no file/);
    expect(existsSync(elsewhere)).toBe(false);

    // Hers she may send by its path too; his, of this channel, where she names that very file.
    expect(await copy(ADA, `-h h1 -action put slack/${adas}/deploy.sh ${there}`)).toMatch(
      new RegExp(`1 ok of 1[\\s\\S]*Slack's file ${adas}, uploaded by <@${ADA}>`),
    );
    expect(await copy(ADA, `-h h1 -action put slack:${bobs} ${there}`)).toMatch(
      new RegExp(`1 ok of 1[\\s\\S]*Slack's file ${bobs} · uploaded by <@${BOB}>`),
    );

    // What an administrator placed is said to be of no known origin; what was fetched, from where.
    await writeFile(home.path('data/transfers/placed'), 'by hand\n');
    expect(await copy(BOB, `-h h1 -n -action put placed ${there}`)).toMatch(
      /origin not on record \(placed by/,
    );
    expect(await copy(BOB, `-h h1 -action put placed ${there}`)).toMatch(
      /1 ok of 1[\s\S]*origin not on record/,
    );
    expect(await copy(ADA, `-h h1 -action get ${there} took`)).toMatch(/1 ok of 1/);
    expect(await copy(BOB, `-h h1 -n -action put took/h1/there ${elsewhere}`)).toMatch(
      new RegExp(`fetched from h1:${there} by ${ADA}`),
    );
    const origins: unknown[] = [];
    for await (const { action, detail } of openAuditTrail(
      `file:${home.path('data/batchops.db')}`,
    ).entries()) {
      if (action === 'accepted' && detail.action === 'put' && detail.shared === undefined)
        origins.push(detail.origins);
    }
    expect(origins).toEqual([[{ kind: 'shared', id: adas, by: ADA }], 'not on record']);
  },
  120_000,
);
