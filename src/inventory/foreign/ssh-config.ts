import { matchesGlob } from '../host-set.ts';
import type { IniEntry, IniFile, IniSection } from '../ini.ts';
import { type Problems, showName } from '../problems.ts';

/** A line of an ssh_config that says something, taken apart. */
export interface SshConfigLine {
  readonly line: number;
  /** As it is spelt. */
  readonly keyword: string;
  readonly values: readonly string[];
}

/** Lower-case keywords that are read, and the key of ours that means the same. */
const KEYS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    hostname: 'ip',
    port: 'port',
    user: 'user',
    identityfile: 'key',
    identityagent: 'agent',
    certificatefile: 'cert',
    proxyjump: 'jump',
  }),
);

/** What changes neither which host is reached, nor what it is asked, nor what it is given. */
const HARMLESS = new Set(
  (
    'addkeystoagent batchmode checkhostip clearallforwardings compression connectionattempts connecttimeout ' +
    'controlmaster controlpath controlpersist dynamicforward enableescapecommandline enablesshkeysign escapechar ' +
    'exitonforwardfailure fingerprinthash forkafterauthentication forwardagent forwardx11 forwardx11timeout ' +
    'forwardx11trusted gatewayports gssapiauthentication gssapidelegatecredentials hashknownhosts identitiesonly ' +
    'ignoreunknown ipqos kbdinteractiveauthentication localcommand localforward loglevel logverbose ' +
    'nohostauthenticationforlocalhost numberofpasswordprompts obscurekeystroketiming passwordauthentication ' +
    'permitlocalcommand permitremoteopen preferredauthentications pubkeyauthentication rekeylimit remoteforward ' +
    'requesttty sendenv serveralivecountmax serveraliveinterval sessiontype setenv stdinnull streamlocalbindmask ' +
    'streamlocalbindunlink syslogfacility tag tcpkeepalive tunnel tunneldevice updatehostkeys usekeychain ' +
    'verifyhostkeydns visualhostkey xauthlocation'
  ).split(' '),
);

/** Without these a host would be reached otherwise than meant, or trusted where it is not to be. */
const REFUSED: ReadonlyMap<string, string> = new Map(
  Object.entries({
    include: 'Include is not followed: write what it brings into this file',
    match: 'Match is not understood: say it with Host',
    proxycommand:
      'ProxyCommand is not run; this host would be reached otherwise than meant. ProxyJump does, or ProxyCommand none',
    revokedhostkeys:
      'RevokedHostKeys is not read: write such keys into BATCHOPS_KNOWN_HOSTS as @revoked lines',
  }),
);

/** And these are said aloud: somebody may rely on them. */
const SAID: ReadonlyMap<string, string> = new Map(
  Object.entries({
    stricthostkeychecking: 'BATCHOPS_HOST_KEY_POLICY says how host keys are checked',
    userknownhostsfile: 'BATCHOPS_KNOWN_HOSTS names the file of known hosts',
    globalknownhostsfile: 'BATCHOPS_KNOWN_HOSTS names the file of known hosts',
    hostkeyalias: 'known hosts are looked up by their address and port',
  }),
);

interface Block {
  readonly line: number;
  /** Of its `Host` line; undefined of what stands before the first. */
  readonly patterns: readonly string[] | undefined;
  readonly settings: SshConfigLine[];
}

/**
 * Each name of a `Host` line that is no pattern is a host; what it has is the first value of each keyword among the
 * blocks that it matches, in the order of the file, as ssh has it (ssh_config(5)).
 */
export function readSshConfig(
  lines: readonly SshConfigLine[],
  problems: Problems,
): { readonly file: IniFile; readonly warnings: readonly string[] } {
  const warnings = new Set<string>();
  const blocks: Block[] = [{ line: 0, patterns: undefined, settings: [] }];
  for (const setting of lines) {
    const keyword = setting.keyword.toLowerCase();
    if (keyword === 'host') blocks.push({ line: setting.line, patterns: setting.values, settings: [] });
    else if (keyword === 'proxycommand' && isNone(setting)) blocks.at(-1)?.settings.push(setting);
    else if (REFUSED.has(keyword) && keyword !== 'proxycommand')
      problems.at(setting.line, REFUSED.get(keyword) ?? '');
    else if (KEYS.has(keyword) || keyword === 'proxycommand') blocks.at(-1)?.settings.push(setting);
    else if (!HARMLESS.has(keyword)) {
      const why = SAID.get(keyword);
      warnings.add(
        `${problems.placeOf(setting.line)}: ${showName(setting.keyword)} is not read here${why === undefined ? '' : `; ${why}`}`,
      );
    }
  }
  const sections: IniSection[] = [];
  const seen = new Set<string>();
  for (const { line, patterns = [] } of blocks) {
    for (const name of patterns) {
      // A second block for the same name only adds to the first.
      if (/[*?!]/.test(name) || seen.has(name)) continue;
      seen.add(name);
      const entries = readEntries(name, line, blocks, problems, warnings);
      sections.push({ name, line, entries });
    }
  }
  if (sections.length === 0) problems.at(1, 'no Host line of this file names a host: patterns are none');
  return {
    file: { defaults: { name: 'DEFAULT', line: 0, entries: new Map() }, sections },
    warnings: [...warnings],
  };
}

function readEntries(
  name: string,
  line: number,
  blocks: readonly Block[],
  problems: Problems,
  warnings: Set<string>,
): ReadonlyMap<string, IniEntry> {
  const first = new Map<string, SshConfigLine>();
  const inherited = new Set<SshConfigLine>();
  for (const { patterns, settings } of blocks) {
    if (patterns !== undefined && !isMatch(patterns, name)) continue;
    for (const setting of settings) {
      const keyword = setting.keyword.toLowerCase();
      // Whichever of the two comes first is meant.
      const other = keyword === 'proxyjump' ? 'proxycommand' : keyword === 'proxycommand' ? 'proxyjump' : '';
      if (first.has(other)) continue;
      if (!first.has(keyword)) first.set(keyword, setting);
      else if (keyword === 'identityfile' || keyword === 'certificatefile') {
        warnings.add(
          `${problems.placeOf(setting.line)}: of several ${showName(setting.keyword)} lines that fit a host the first is used`,
        );
      }
      // `Host *` with a ProxyJump is for the host that is jumped to as well, which needs none.
      if (keyword === 'proxyjump' && patterns?.includes(name) !== true) inherited.add(setting);
    }
  }
  const entries = new Map<string, IniEntry>([['ip', { spelling: 'Host', value: name, line }]]);
  for (const [keyword, setting] of first) {
    if (keyword === 'proxycommand') {
      if (!isNone(setting)) problems.at(setting.line, REFUSED.get('proxycommand') ?? '');
      continue;
    }
    const value = readSetting(keyword, setting, name, problems);
    const key = KEYS.get(keyword);
    const kept = value !== undefined && inherited.has(setting) ? beforeOwn(value, name) : value;
    if (kept !== undefined && key !== undefined) {
      entries.set(key, { spelling: setting.keyword, value: kept, line: setting.line });
    }
  }
  return entries;
}

/** The part of a chain that comes before the host itself; undefined where it is the first. */
function beforeOwn(chain: string, name: string): string | undefined {
  const names = chain.split(',');
  const own = names.indexOf(name);
  return (own === -1 ? names : names.slice(0, own)).join(',') || undefined;
}

function isNone({ values }: SshConfigLine): boolean {
  return values.length === 1 && values[0]?.toLowerCase() === 'none';
}

/** In our words; undefined where it takes back what a later block says, or is at fault. */
function readSetting(
  keyword: string,
  setting: SshConfigLine,
  name: string,
  problems: Problems,
): string | undefined {
  const { keyword: spelling, values, line } = setting;
  const [value = ''] = values;
  const fault = (problem: string): undefined => {
    problems.at(line, `${showName(spelling)}: ${problem}`);
  };
  if (values.length !== 1 || value === '') return fault('expected one value');
  if (isNone(setting) && keyword !== 'hostname' && keyword !== 'user' && keyword !== 'port') return undefined;
  switch (keyword) {
    case 'hostname':
      return value.replaceAll('%h', name).replaceAll('%%', '%');
    case 'proxyjump':
      if (/^[\w.,-]+$/.test(value)) return value;
      return fault('expected names of hosts; give each its own Host, HostName, User and Port');
    case 'identityagent':
      if (value === 'SSH_AUTH_SOCK') return 'yes';
      if (value.startsWith('$')) return `env:${value.slice(1)}`;
      return hasToken(value) ? fault('no % or $ is filled in here') : value;
    case 'identityfile':
    case 'certificatefile': {
      const path = value.startsWith('%d/') ? `~${value.slice(2)}` : value;
      return hasToken(path) ? fault('no % or $ but %d/ is filled in here') : path;
    }
    default:
      return value;
  }
}

function hasToken(value: string): boolean {
  return value.includes('%') || value.includes('${');
}

/** One that is negated and matches rules the block out, whatever else matches. */
function isMatch(patterns: readonly string[], name: string): boolean {
  let isIn = false;
  for (const pattern of patterns) {
    if (pattern.startsWith('!')) {
      if (matchesGlob(pattern.slice(1), name)) return false;
    } else if (matchesGlob(pattern, name)) isIn = true;
  }
  return isIn;
}
