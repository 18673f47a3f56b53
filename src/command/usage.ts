import { OPTIONS, optionsOf, type Part } from './options.ts';
import { VERBS } from './verbs.ts';

export type CommandName = '/batch_run' | '/batch_scp' | '/batch';

function usageOf(command: CommandName, kind: 'run' | 'copy'): string {
  return [command, ...optionsOf(kind).map(({ usage }) => usage)].join(' ');
}

function helpOn(...parts: readonly Part[]): string {
  const told = parts.flatMap((part) => OPTIONS.filter(({ tells }) => tells === part));
  const width = Math.max(...told.map(({ name }) => name.length)) + 2;
  return told.map(({ name, help }) => `  ${`-${name}`.padEnd(width)} ${help}`).join('\n');
}

/** The lines of use, as refusals and the help show them. */
export const USAGE: Readonly<Record<CommandName, string>> = {
  '/batch_run': usageOf('/batch_run', 'run'),
  '/batch_scp': [usageOf('/batch_scp', 'copy'), '           … -action put L R      … -action get R L'].join(
    '\n',
  ),
  '/batch': `/batch ${VERBS.map(({ usage }) => usage).join(' | ')}`,
};

export const HELP = `Run commands and copy files on many hosts, from this channel.

${USAGE['/batch_run']}
${USAGE['/batch_scp']}
${USAGE['/batch']}

Which hosts (at least one of -h and -g)
${helpOn('which hosts')}
How
${helpOn('what', 'how')}
Not on all at once
${helpOn('rollout')}

Examples
  /batch_run -h web01,web02 -g db_servers -cmd "df -h"
  /batch_run -g web -x web07 -t 30s -cmd "systemctl status nginx"
  /batch_run -h all,!@db -cmd uptime
  /batch_run -g web -canary 1 -serial 10% -maxfail 2 -cmd "apt-get -y upgrade"
  /batch_scp -g web -action put test.py /tmp/
  /batch_scp -h web[01-20] -action get /var/log/syslog syslog
  /batch hosts @web         the hosts of a group
  /batch can @web           what you may do there, from this channel
  /batch runs               the last runs
  /batch queue              what runs, and what waits for what
  /batch show r-7k3f web01  one host's result
  /batch cancel r-7k3f      stops a run
  /batch retry r-7k3f       repeats it where it failed
  /batch trust web01        the keys it shows next to the known ones, and a button to trust them
  /batch ping @web          logs in: how long that takes, shell, sudo, SFTP, free space
  /batch facts @web         what is remembered of the last contact with each; nothing is dialled`;
