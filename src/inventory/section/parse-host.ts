import type { IniEntry, IniFile, IniSection } from '../ini.ts';
import type { Host } from '../inventory.ts';
import { type Problems, showSection } from '../problems.ts';
import { Secret } from '../secret.ts';
import { HostSection, type InventorySources } from './host-section.ts';
import {
  hintAt,
  parseAddress,
  parseBoolean,
  parseFingerprint,
  parsePattern,
  parsePort,
  parseShell,
} from './host-values.ts';

/** A public key as `.pub` files have it. */
export function isPublicKey(text: string): boolean {
  return /^(?:ssh|ecdsa|sk)-\S+ |^-+ ?BEGIN (?:SSH2 )?PUBLIC KEY/.test(text);
}

/**
 * A section with `ip` → a host; undefined where something is wrong with it. `jump` is as written: whether
 * there is such a host is not known before all are read.
 */
export function parseHost(
  file: IniFile,
  section: IniSection,
  sources: InventorySources,
  problems: Problems,
): Host | undefined {
  const at = new HostSection(file, section, sources, problems);
  const own = section.entries.get('ip');
  const ip = at.read('ip', 'an IPv4 or IPv6 address or a host name', parseAddress);
  if (own?.value === '') at.fault(own.line, 'ip: it is empty');
  const port = at.read('port', 'a number from 1 to 65535', parsePort);
  const user = at.read('user', 'a user name', (value) => (/^[^\s\p{Cc}]+$/u.test(value) ? value : undefined));
  const enabled = at.read('enable', 'True or False', parseBoolean);
  const shell = at.read('shell', 'auto, posix or raw', parseShell);
  const hostKey = at.read('host_key', 'a fingerprint as ssh-keygen -l shows it, SHA256:…', parseFingerprint);
  const password = at.readSecret('password');
  const passphrase = at.readSecret('passphrase');
  const agentKey = readAgentKey(at);
  const privateKey = readKey(at, sources, passphrase);
  const certificate = readCertificate(at, sources, {
    key: agentKey ?? privateKey?.reveal(),
    passphrase,
  });
  const sudoPassword = readSudoPassword(at, password);
  const prompt = at.read('prompt', 'a regular expression for the whole question', parsePattern);
  const agent = readAgent(at, sources);
  const isLegacy = at.read('legacy', 'True or False', parseBoolean);
  const variables = at.readVariables();
  const jump = readJump(at, section);

  if (at.entry('user') === undefined) at.fault(section.line, `${showSection(section.name)} has no user`);
  if (at.entry('password') === undefined && at.entry('key') === undefined && !wantsAgent(at)) {
    at.fault(
      section.line,
      `${showSection(section.name)} has no way to log in: give it a password, key or agent`,
    );
  }
  if (!at.isSound || ip === undefined || user === undefined) return undefined;
  return {
    name: section.name,
    ip,
    port: port ?? 22,
    user,
    enabled: enabled ?? true,
    shell: shell ?? 'auto',
    ...(password === undefined ? {} : { password }),
    ...(privateKey === undefined ? {} : { privateKey }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(variables.size === 0 ? {} : { variables }),
    ...(sudoPassword === undefined ? {} : { sudoPassword }),
    ...(agent === undefined ? {} : { agent }),
    ...(agentKey === undefined ? {} : { agentKey }),
    ...(certificate === undefined
      ? {}
      : { certificate, certificateFile: at.expandHome(at.entry('cert')?.value ?? '') }),
    ...(jump === undefined ? {} : { jump }),
    ...(hostKey === undefined ? {} : { hostKey }),
    ...(prompt === undefined ? {} : { prompt }),
    ...(isLegacy === true ? { legacy: true } : {}),
  };
}

function wantsAgent(at: HostSection): boolean {
  const word = at.entry('agent')?.value;
  return word !== undefined && parseBoolean(word) !== false;
}

/** `key = SHA256:…` says which of the agent's keys. */
function readAgentKey(at: HostSection): string | undefined {
  const entry = at.entry('key');
  if (entry === undefined || !isFingerprint(entry)) return undefined;
  const fingerprint = parseFingerprint(entry.value);
  if (fingerprint === undefined) {
    return at.fault(
      entry.line,
      `key: expected a fingerprint as ssh-add -l shows it, SHA256:…${hintAt(entry.value)}`,
    );
  }
  if (wantsAgent(at)) return fingerprint;
  return at.fault(
    entry.line,
    'key: a fingerprint says which key of an agent is meant, and this host has no agent',
  );
}

function isFingerprint({ value }: IniEntry): boolean {
  return value.startsWith('SHA256:');
}

/** Of the key, or of one that the agent has. */
function readCertificate(
  at: HostSection,
  sources: InventorySources,
  { key, passphrase }: { readonly key: string | undefined; readonly passphrase: Secret | undefined },
): string | undefined {
  const entry = at.entry('cert');
  if (entry === undefined) return undefined;
  if (sources.withoutSecrets) return undefined;
  const text = at.readFile('cert', entry.line, entry.value);
  if (text === undefined) return undefined;
  if (at.entry('key') === undefined && !wantsAgent(at)) {
    return at.fault(entry.line, 'cert: it is of a key, and this host has neither key nor agent');
  }
  const { findCertificateFault = () => 'no certificate is read here' } = sources;
  const fault = findCertificateFault(text, key, passphrase?.reveal());
  return fault === undefined ? text : at.fault(entry.line, `cert: ${fault}`);
}

function readKey(
  at: HostSection,
  sources: InventorySources,
  passphrase: Secret | undefined,
): Secret | undefined {
  const entry = at.entry('key');
  if (entry === undefined || isFingerprint(entry)) return undefined;
  if (/PRIVATE KEY|\n/.test(entry.value)) {
    return at.fault(entry.line, 'key: expected the path of a private key file, not the key itself');
  }
  if (sources.withoutSecrets) return undefined;
  const text = at.readFile('key', entry.line, entry.value);
  if (text === undefined) return undefined;
  // The usual slip is to name the .pub file beside it; with an agent that is how to say which of its keys.
  const isPublic = isPublicKey(text);
  if (isPublic && !wantsAgent(at)) {
    return at.fault(entry.line, 'key: that file holds the public key; name the private one');
  }
  if (!isPublic && !/-----BEGIN [A-Z ]*PRIVATE KEY-----|^PuTTY-User-Key-File-/.test(text)) {
    return at.fault(entry.line, 'key: that file holds no private key');
  }
  const wrong = sources.findKeyFault(text, passphrase?.reveal());
  if (wrong === undefined) return new Secret(text, isPublic ? undefined : at.expandHome(entry.value));
  return at.fault(at.entry(wrong.key)?.line ?? entry.line, `${wrong.key}: ${wrong.fault}`);
}

/** `login:` is the host's own password. One line: sudo reads no further. */
function readSudoPassword(at: HostSection, login: Secret | undefined): Secret | undefined {
  const entry = at.entry('sudo_password');
  if (entry === undefined) return undefined;
  if (entry.value === 'login:' && entry.isLiteral !== true) {
    if (at.entry('password') !== undefined) return login;
    return at.fault(entry.line, 'sudo_password: login: stands for the password, and this host has none');
  }
  const secret = at.readSecret('sudo_password');
  if (secret === undefined || !/[\r\n\0]/.test(secret.reveal())) return secret;
  return at.fault(entry.line, 'sudo_password: it has more than one line, and sudo reads one');
}

/** The socket of its agent. */
function readAgent(at: HostSection, sources: InventorySources): string | undefined {
  const entry = at.entry('agent');
  if (entry === undefined) return undefined;
  if (sources.withoutSecrets) return undefined;
  const isWanted = parseBoolean(entry.value);
  if (isWanted === false) return undefined;
  const name = isWanted ? 'SSH_AUTH_SOCK' : /^env:(\w+)$/.exec(entry.value)?.[1];
  if (name !== undefined) {
    return sources.env(name) || at.fault(entry.line, `agent: the variable ${name} is not set`);
  }
  if (/^(\/|~\/|\\\\)[^\n]+$/.test(entry.value)) {
    return at.expandHome(entry.value);
  }
  return at.fault(
    entry.line,
    `agent: expected True, env:NAME or the path of its socket${hintAt(entry.value)}`,
  );
}

/** `[DEFAULT] jump = a, b` is inherited by `a` too, which needs none, and by `b`, which is reached through `a`. */
function readJump(at: HostSection, section: IniSection): readonly string[] | undefined {
  const entry = at.entry('jump');
  if (entry === undefined) return undefined;
  const names = entry.value.split(',').map((name) => name.trim());
  if (names.includes('')) {
    return at.fault(
      entry.line,
      `jump: expected hosts, in the order they are gone through: a, b${hintAt(entry.value)}`,
    );
  }
  if (section.entries.has('jump')) return names;
  const own = names.findIndex((name) => name.toLowerCase() === section.name.toLowerCase());
  const before = own === -1 ? names : names.slice(0, own);
  return before.length === 0 ? undefined : before;
}
