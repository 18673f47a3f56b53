export type CommandName = '/batch_run' | '/batch_scp' | '/batch';

/** The lines of use, as refusals and the help show them. */
export const USAGE: Readonly<Record<CommandName, string>> = {
  '/batch_run':
    '/batch_run -h HOSTS -g GROUPS [-x EXPR] [-c N] [-t DURATION] [-fold exact|similar] [-diff] [-n] -cmd "COMMAND"',
  '/batch_scp': [
    '/batch_scp -h HOSTS -g GROUPS [-x EXPR] [-c N] [-t DURATION] [-n] -action put|get -local L -remote R',
    '           … -action put L R      … -action get R L',
  ].join('\n'),
  '/batch':
    '/batch help | hosts [EXPR] | runs [N] | show RUN [HOST] | cancel RUN | ' +
    'retry RUN [failed|unreachable|lost|skipped|all] | can [EXPR]',
};

export const HELP = `Run commands and copy files on many hosts, from this channel.

${USAGE['/batch_run']}
${USAGE['/batch_scp']}
${USAGE['/batch']}

Which hosts (at least one of -h and -g)
  -h  names, ranges, globs: web01, web[01-20], web*, all, @group, !web07
  -g  groups: web_clusters, db_servers
  -x  leaves these out: web07, @standby
How
  -cmd     the command, in quotes; or without, as the last option: all that follows is the command
  -action  put sends -local to every host, get fetches -remote from every host
  -local   a file of the transfer folder; for get the name to keep it under
  -remote  a path on the hosts; ending in / it is a folder
  -c  at most this many hosts at once
  -t  time limit for each host: 30s, 5m, 1h
  -fold similar  counts results as one that differ in the host's own name only
  -diff          shows how the other results differ from the commonest one
  -n  preview: shows the hosts and whether you may, and does nothing

Examples
  /batch_run -h web01,web02 -g db_servers -cmd "df -h"
  /batch_run -g web -x web07 -t 30s -cmd "systemctl status nginx"
  /batch_run -h all,!@db -cmd uptime
  /batch_scp -g web -action put test.py /tmp/
  /batch_scp -h web[01-20] -action get /var/log/syslog syslog
  /batch hosts @web         the hosts of a group
  /batch can @web           what you may do there, from this channel
  /batch runs               the last runs
  /batch show r-7k3f web01  one host's result
  /batch cancel r-7k3f      stops a run
  /batch retry r-7k3f       repeats it where it failed`;
