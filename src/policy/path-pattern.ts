import { matchesGlob } from '../inventory/host-set.ts';

/**
 * The remote paths a rule permits: `*` (or `**`) for any path at all, or absolute patterns.
 *
 *     /etc/motd        this file
 *     /var/log/*.log   within a segment `*` is any run of characters and `?` one
 *     /tmp/**          /tmp and all below it
 *
 * The name as typed is judged before the run, and the true name, links followed, on each host before the file
 * is touched.
 */
export type PathPatterns = '*' | readonly PathPattern[];

export interface PathPattern {
  readonly text: string;
  readonly segments: readonly string[];
}

/** The pattern, or what is wrong with it. */
export function parsePathPattern(text: string): PathPattern | { readonly fault: string } {
  if (!text.startsWith('/')) return { fault: 'a path starts with /, or is * for any path' };
  if (text.endsWith('/') && text !== '/')
    return { fault: 'a folder and all below it is written with /** at its end' };
  const segments = text.slice(1).split('/');
  if (segments.some((segment) => segment === '' || /^\.{1,2}$/.test(segment))) {
    return { fault: 'a path has no empty, . or .. segments' };
  }
  if (segments.some((segment) => segment.includes('**') && segment !== '**')) {
    return { fault: '** stands alone between slashes' };
  }
  if (/[[\]{}\\\p{C}]/u.test(text)) return { fault: 'only * , ** and ? have a meaning in a path' };
  return { text, segments };
}

/**
 * Why the paths a copy may touch are not all covered, as the end of a sentence; undefined where they are. A
 * put into a folder writes `folder/name`. With a `/` at its end `remote` is a folder for sure, and that is
 * judged; without one only the host knows, so both readings have to be covered.
 */
export function explainPaths(
  patterns: PathPatterns,
  copy: { readonly action: 'put' | 'get'; readonly local: string; readonly remote: string },
): string | undefined {
  if (patterns === '*') return undefined;
  for (const path of touchedPaths(copy)) {
    const why = explainPath(patterns, path);
    if (why === undefined) continue;
    return why !== NOT_ABSOLUTE && path !== copy.remote && !copy.remote.endsWith('/')
      ? `${why}, which do not cover ${path}, written where ${copy.remote} is a folder (${copy.remote}/** covers both)`
      : why;
  }
  return undefined;
}

const NOT_ABSOLUTE = 'its paths are absolute, and this one is not';

/** The same for one path that is the file itself. */
export function explainPath(patterns: PathPatterns, path: string): string | undefined {
  if (patterns === '*') return undefined;
  if (!path.startsWith('/')) return NOT_ABSOLUTE;
  const segments = path.slice(1).split('/');
  if (segments.some((segment) => segment === '' || /^\.{1,2}$/.test(segment)) || /\p{Cc}/u.test(path)) {
    return 'none of its paths covers one with .., . or // in it';
  }
  if (patterns.some((pattern) => matchesSegments(pattern.segments, segments))) return undefined;
  return `its paths are ${formatPaths(patterns)}`;
}

function touchedPaths(copy: {
  readonly action: 'put' | 'get';
  readonly local: string;
  readonly remote: string;
}): readonly string[] {
  const { action, local, remote } = copy;
  // A folder that is fetched is one with or without a slash; what is in it is judged as it is found.
  if (action === 'get') return [remote.length > 1 ? remote.replace(/\/$/, '') : remote];
  const name = local.split('/').at(-1) ?? '';
  return remote.endsWith('/') ? [remote + name] : [remote, `${remote}/${name}`];
}

export function formatPaths(patterns: PathPatterns): string {
  return patterns === '*' ? '*' : patterns.map(({ text }) => text).join(', ');
}

/** `**` takes any number of segments, also none. In steps, as `matchesGlob` does: never back past the last `**`. */
function matchesSegments(pattern: readonly string[], segments: readonly string[]): boolean {
  let at = 0;
  let p = 0;
  let star = -1;
  let resume = 0;
  while (at < segments.length) {
    const wanted = pattern[p];
    if (wanted === '**') {
      star = p;
      resume = at;
      p += 1;
    } else if (wanted !== undefined && matchesGlob(wanted, segments[at] ?? '')) {
      p += 1;
      at += 1;
    } else if (star !== -1) {
      p = star + 1;
      resume += 1;
      at = resume;
    } else return false;
  }
  return pattern.slice(p).every((rest) => rest === '**');
}
