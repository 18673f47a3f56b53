import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ADA, BOB, finished, OPS, openStage, shown } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

/** Bob may look at services, search, and read one folder of logs; the last is as a file of before 0.2 had it. */
const RULES = `
[ada]
users = ${ADA}
channels = *
hosts = all
actions = run
commands = *
[bob]
users = ${BOB}
channels = *
hosts = all
actions = run
commands = uptime, systemctl status *, find * -name *, cat /var/log/*, ls -* *, git push origin *
`;

/** What was tried to get past `systemctl status *`, `find * -name *`, `cat /var/log/*`, `ls -* *` and `git push origin *`. */
const TRIES: Readonly<Record<string, readonly string[]>> = {
  'an option where words are meant': [
    'systemctl status -H root@elsewhere',
    'systemctl status nginx -H root@elsewhere',
    'systemctl status -Hroot@elsewhere',
    'systemctl status --host=root@elsewhere',
    'systemctl status --host root@elsewhere',
    'systemctl status --ho=root@elsewhere',
    'systemctl status -lHroot@elsewhere',
    'systemctl status -- nginx',
    'systemctl status - nginx',
    'systemctl status -M elsewhere nginx',
    'systemctl -H root@elsewhere status nginx',
    'systemctl --root=/tmp/x status nginx',
    'find / -name x -exec reboot +',
    'find / -exec reboot + -name x',
    'find / -name x -delete',
    'find / -name x -fprint /etc/cron.d/x',
    'find -files0-from /etc/shadow -name x',
    'cat -A /var/log/syslog',
    'ls -l -R /root',
    'ls -l /x -R',
    'git push origin --receive-pack=/tmp/x',
  ],
  'an option that begins with a plus': [
    'git push origin +main',
    'systemctl status +x',
    'find / -name x +x',
    'ls -l +x',
  ],
  'dashes that only look like one': [
    'systemctl status \u2010H root@elsewhere',
    'systemctl status \u2011H root@elsewhere',
    'systemctl status \u2012H root@elsewhere',
    'systemctl status \u2013H root@elsewhere',
    'systemctl status \u2014host=root@elsewhere',
    'systemctl status \u2212H root@elsewhere',
    'systemctl status \ufe63H root@elsewhere',
    'systemctl status \uff0dH root@elsewhere',
    'systemctl status \u00adH root@elsewhere',
  ],
  'quotes and backslashes that a shell takes off': [
    'systemctl status "-H" root@elsewhere',
    "systemctl status '-H' root@elsewhere",
    'systemctl status ""-H root@elsewhere',
    'systemctl status \\-H root@elsewhere',
    "systemctl status $'-H' root@elsewhere",
    'systemctl status $"-H" root@elsewhere',
    'find / -name x "-exec" reboot +',
    'systemctl status nginx\\\n-H root@elsewhere',
    'systemctl status “-H” root@elsewhere',
  ],
  'more than one command': [
    'systemctl status nginx; reboot',
    'systemctl status nginx;reboot',
    'systemctl status nginx && reboot',
    'systemctl status nginx || reboot',
    'systemctl status nginx | sh',
    'systemctl status nginx |& sh',
    'systemctl status nginx & reboot',
    'systemctl status nginx\nreboot',
    'systemctl status nginx\r\nreboot',
    'systemctl status nginx\rreboot',
    'systemctl status nginx\u2028reboot',
    'systemctl status nginx\u0085reboot',
    'systemctl status nginx\vreboot',
    'systemctl status nginx\freboot',
    'systemctl status nginx\0reboot',
    '{ uptime; reboot; }',
    '(reboot)',
    '! uptime',
    'uptime # reboot',
    'uptime #',
  ],
  'what a shell makes something else of': [
    'systemctl status $(reboot)',
    'systemctl status `reboot`',
    'systemctl status $OPTION',
    'systemctl status $\u007bOPTION}',
    'systemctl status$IFS-H$\u007bIFS}root@elsewhere',
    'systemctl status <(reboot)',
    'systemctl status > /etc/cron.d/x',
    'systemctl status >> /root/.bashrc',
    'systemctl status 2>/etc/motd',
    'systemctl status < /etc/shadow',
    'systemctl status << x',
    'systemctl status <<< x',
    'systemctl status ~root',
    'systemctl status ~',
    'systemctl status a:~root',
    'systemctl status *',
    'systemctl status ?',
    'systemctl status [-]H',
    'systemctl status {-H,root@elsewhere}',
    'systemctl status {a..z}',
    'systemctl status !!',
    'systemctl status ^x^y',
    'systemctl status %1',
    'systemctl status =reboot',
    'systemctl status @(x)',
  ],
  'a variable, or another program, before it': [
    'LD_PRELOAD=/tmp/x systemctl status nginx',
    'PATH=/tmp systemctl status nginx',
    'SYSTEMD_PAGER=sh systemctl status nginx',
    'env X=Y systemctl status nginx',
    'env systemctl status nginx',
    'sudo systemctl status nginx',
    'exec systemctl status nginx',
    'command systemctl status nginx',
    'time uptime',
    '/tmp/systemctl status nginx',
    './systemctl status nginx',
    '../systemctl status nginx',
    'systemctl2 status nginx',
    'SYSTEMCTL status nginx',
    'systemctl STATUS nginx',
    'systemctl restart nginx',
    'uptime -p',
    'uptime now',
  ],
  'a way out of the folder that a pattern names': [
    'cat /var/log/../../etc/shadow',
    'cat /var/log/..',
    'cat /var/log/x/../../../etc/shadow',
    'cat /var/log/x:/../../etc/shadow',
    'cat /var/log/a /etc/shadow',
    'cat /etc/shadow /var/log/a',
    'cat /VAR/log/a',
    'cat //var/log/a',
    'cat /var//log/a',
    'cat /var/./log/a',
    'cat var/log/a',
  ],
  'white space and letters that nobody sees': [
    'systemctl status\u00a0-H root@elsewhere',
    'systemctl status nginx\u00a0-H root@elsewhere',
    'systemctl status nginx\u2003-H root@elsewhere',
    'systemctl status nginx\u3000-H root@elsewhere',
    'systemctl status nginx\u200b-H root@elsewhere',
    'systemctl status nginx\u202e-H root@elsewhere',
    'systemctl status nginx\ufeff',
    'systemctl status ngin\u0445',
    'systemctl status ngi\u0301nx',
    'systemctl status nginx\u001b[2J',
    'systemctl status nginx\b\b\b\b\breboot',
    'systemctl\tstatus\t-H\troot@elsewhere',
  ],
};

test.skipIf(!HAS_SSHD)(
  'nothing gets past a command pattern that its words do not stand for, and each try is told what is against it',
  async () => {
    await using stage = await openStage({ allowlist: RULES });
    const { slack, home, bot } = stage;
    const ask = async (text: string): Promise<string> => {
      const runs = slack.messages(OPS).length;
      const outcome = await slack.command({ user: BOB, channel: OPS, command: '/batch_run', text });
      return await slack.waitFor(() => {
        const [answer] = outcome.answers();
        return answer === undefined ? slack.messages(OPS).length > runs && 'it runs' : shown(answer);
      }, 10_000);
    };
    const through: string[] = [];
    for (const [how, commands] of Object.entries(TRIES)) {
      for (const command of commands) {
        const answer = await ask(`-h h1 -cmd ${command}`);
        if (!/its commands are|holds a control character/.test(answer))
          through.push(`${how}: ${JSON.stringify(command)}: ${answer}`);
      }
    }
    expect(through).toEqual([]);
    expect(slack.messages(OPS)).toEqual([]);
    // A preview, and the same again where the command stands between quotes that are the bot's.
    expect(await ask('-h h1 -n -cmd "systemctl status -H root@elsewhere"')).toMatch(
      /Refused:.*its commands are/s,
    );
    expect(await ask('-h h1 -cmd `systemctl status -H root@elsewhere`')).toMatch(/its commands are/);

    // Whoever wrote it as it was before 0.2 is told at the start what covers options.
    expect(bot.output()).toMatch(
      /is this meant\? allowlist\.ini:\d+: commands: \\"systemctl status \*\\" covers no options; if they are meant, write \\"systemctl status \*\*\\"/,
    );

    // What the words stand for runs, on the real host.
    await writeFile(home.path('seen'), '');
    const runs = [`find ${home.folder} -name seen`, `ls -l ${home.path('seen')}`];
    for (const [n, command] of runs.entries()) {
      await slack.command({ user: BOB, channel: OPS, command: '/batch_run', text: `-h h1 -cmd ${command}` });
      const root = await finished(slack, n + 1);
      expect(root.text).toMatch(/1 ok of 1/);
      await slack.waitFor(
        () => slack.thread(OPS, root.ts).some((reply) => shown(reply).includes(home.path('seen'))),
        20_000,
      );
    }
  },
  120_000,
);
