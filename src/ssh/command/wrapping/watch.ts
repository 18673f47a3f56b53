/** The variable by which the processes of a command are found again: its value is the command's own. */
export const RUN_VARIABLE = 'BATCHOPS_RUN';

/** Between asking a command to end and ending it, where the host does it by itself. */
const GRACE_S = 5;

/**
 * Ends the command on the host when its time is over, whether or not anybody is there to ask for it: a process beside
 * it, which looks every two seconds whether the command (process `leader`) is still there, and goes when it is not. Then it stops
 * what bears the mark, in any session, and the command's process group.
 *
 * The leader is told first, then the others by their numbers, parents mostly first: a shell that lost what it waits for
 * before it is told itself goes on with its next command.
 *
 * The mark is not written in one piece: sudo puts all of this into `SUDO_COMMAND`, which would be a mark then.
 *
 * It is nobody's child: a program that waits for all of its children would wait for it. It has to be started before
 * the variable is set, so that it does not bear the mark itself; it is in the command's session, where a stop finds
 * it. Holds nothing open. `cleanUp`: done when the command has ended, however that came.
 */
export function watchScript(id: string, limitMs: number, leader: '$$' | '$1', cleanUp = ':'): string {
  const limit = Math.ceil(limitMs / 1_000);
  const stop = `e(){ for x in $(grep -lsF ${RUN_VARIABLE}="${id}" /proc/[0-9]*/environ|{ sort -t/ -k3n 2>/dev/null||cat;});do ${STOP_ONE};};`;
  return (
    `( (p=${leader};${SEE}c(){ cd "$OLDPWD";${cleanUp};};trap "" HUP;trap "c;exit" TERM;n=0;while a||{ c;exit;};[ $n -lt ${limit} ];do sleep 2||exit;n=$((n+2));done;` +
    `trap "" TERM;${stop}a&&kill -s TERM $p;e TERM;kill -s TERM -- -$p;sleep ${GRACE_S};c;e STOP;e KILL;sleep 1;e KILL;kill -s KILL -- -$p) </dev/null >/dev/null 2>&1 &);`
  );
}

/**
 * Whether the leader is there: of a number alone another process may have come to be the one. Whoever stands in a
 * process's own folder of `/proc` sees no other there.
 */
const SEE = 'if cd /proc/$p;then a(){ [ -e stat ];};else a(){ kill -0 $p;};fi;';

/** All are stopped before the first is ended: what a shell starts in between would be missed. */
const STOP_ONE = `x=\${x%/environ};kill -s $1 "\${x##*/}";done`;
