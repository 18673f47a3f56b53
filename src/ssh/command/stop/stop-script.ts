import { MARK_NAME } from '../mark-filter.ts';
import { encodeWord, throughSh } from '../wrapping/line.ts';
import { plainSudoLine, type SudoLogin } from '../wrapping/sudo.ts';
import { RUN_VARIABLE } from '../wrapping/watch.ts';

/**
 * What the host found when it had ended a command, each as wide as what was looked at:
 *
 * - `gone`: no process with the command's mark in its environment, of its sessions or groups, or started by one of
 *   them, is alive. All processes of the host could be seen.
 * - `out-of-sight`: the same, but not all processes of the host could be seen.
 * - `group-gone`: the host shows no processes in `/proc`; the process group is gone.
 * - `left`: something of it is still alive.
 */
export const STOP_ANSWERS = ['gone', 'out-of-sight', 'group-gone', 'left'] as const;
export type StopAnswer = (typeof STOP_ANSWERS)[number];

export interface StopOrder {
  /** Of the command, as its mark has it. */
  readonly id: string;
  /** The process that the mark was said by. */
  readonly leader: number;
  /** Between asking and ending. */
  readonly graceMs: number;
  /** Its processes are another user's. */
  readonly sudo?: SudoLogin | undefined;
  /** Where the kernel shows its processes. */
  readonly proc?: string;
}

/** A line for any login shell, for a second channel. Its answer is a line `batchops-ID-gone`. */
export function stopLine({ id, leader, graceMs, sudo, proc = '/proc' }: StopOrder): string {
  const rounds = Math.max(1, Math.ceil(graceMs / 100));
  const words = [String(leader), String(rounds), proc, FIND_PROCESSES].map(encodeWord);
  if (sudo !== undefined) return plainSudoLine(id, sudo, STOP_SCRIPT, words);
  return throughSh(STOP_SCRIPT, id, ...words);
}

export function parseStopAnswer(id: string, said: string): StopAnswer | undefined {
  return STOP_ANSWERS.find((answer) => said.includes(`${MARK_NAME}-${id}-${answer}\n`));
}

/**
 * For awk, over every `stat` of `/proc` (proc(5)): the processes that are the command's now, as `number:start`. A number
 * alone proves nothing, since it may belong to another process by now. The command's is what bears its mark (`m`),
 * what the same connection's sshd (`d`) started under the leader's number (`p`), what was the command's at an
 * earlier look and began at the same time (`k`), and, over and over, what one of those started, or what is in a
 * session or group with the number of one of them: as long as that one lives, nobody else can have it. Parents come
 * first: a shell that lost what it waits for before it is told itself goes on with its next command.
 */
const FIND_PROCESSES = [
  // A name may hold a newline, and `) `: the fields are what follows the last.
  '{ line = line == "" ? $0 : line " " $0 }',
  'match(line, /[)][^)]*$/) {',
  'if (split(substr(line, RSTART + 2), f, " ") < 40) next; i = line + 0; line = "";',
  'if (f[1] ~ /[ZXx]/) next; parent[i] = f[2]; group[i] = f[3]; session[i] = f[4]; start[i] = f[20] }',
  'END { if ((o in start) == 0) { print "blind"; exit }',
  'n = split(m, f, " "); for (j = 1; j <= n; j++) { split(f[j], dirs, "/environ"); sub(/.*[/]/, "", dirs[1]);',
  'marked[dirs[1]] = 1 } n = split(k, f, " "); for (j = 1; j <= n; j++) known[f[j]] = 1;',
  'for (i in start) if (i in marked || (i ":" start[i]) in known || (i == p && parent[i] == d)) ours[i] = 1;',
  'do { more = 0; for (i in start) { if (i in ours) continue;',
  'if (parent[i] in ours || group[i] in ours || session[i] in ours) { ours[i] = 1; more = 1 } } } while (more);',
  'do { more = 0; for (i in ours) { if (i in told || (parent[i] in ours && (parent[i] in told) == 0)) continue;',
  'printf "%s:%s ", i, start[i]; told[i] = 1; more = 1 } } while (more);',
  'for (i in ours) if ((i in told) == 0) printf "%s:%s ", i, start[i] }',
].join(' ');

/** Blind is who does not even see itself: no answer, then. The signals go out right after each look. */
const STOP_SCRIPT = [
  'exec </dev/null;LC_ALL=C;export LC_ALL;id=$1;p=$3;max=$4;q=$5;awk=$6;k=;n=0;',
  `say(){ echo "${MARK_NAME}-$id-$1";exit 0;};`,
  'nap(){ sleep 0.1 2>/dev/null||{ sleep 1;n=$((n+9));};n=$((n+1));};',
  'if [ -r "$q/self/stat" ]&&command -v awk >/dev/null&&command -v grep >/dev/null;then ',
  'end=gone;[ -r "$q/1/stat" ]||end=out-of-sight;',
  `look(){ m=$(echo $(grep -lsF "${RUN_VARIABLE}=$id" "$q"/[0-9]*/environ));`,
  'k=$(cat "$q"/[0-9]*/stat 2>/dev/null|awk -v "m=$m" -v "k=$k" -v p=$p -v d=$PPID -v o=$$ "$awk");',
  '[ "$k" = blind ]&&exit 1;[ -n "$k" ];};',
  `send(){ for x in $k;do kill -s $1 \${x%%:*} 2>/dev/null;done;};`,
  'else [ "$(echo $(ps -o ppid= -p $p 2>/dev/null))" = $PPID ]||exit 1;end=group-gone;',
  'look(){ case $(kill -s 0 -- -$p 2>&1) in *[Nn]"o such process"*)return 1;;esac;return 0;};',
  'send(){ kill -s $1 $p 2>/dev/null;kill -s $1 -- -$p 2>/dev/null;};fi;',
  'look||say $end;send TERM;while [ $n -lt $max ];do nap;look||say $end;done;',
  'n=0;while [ $n -lt 20 ];do send KILL;nap;look||say $end;done;say left',
].join('');
