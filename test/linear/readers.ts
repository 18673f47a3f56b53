/**
 * Who writes the text that a file's patterns read.
 *
 * - `host`: what hosts said: output, names they offer, errors of theirs.
 * - `slack`: what people typed, and what Slack answered; what anybody asks of a port of ours.
 * - `file`: what is in the inventory, the allowlist, known_hosts and the like.
 * - `own`: words and settings of ours, or of whoever started the process.
 */
type Writer = 'host' | 'slack' | 'file' | 'own';

/** How many patterns stand in the file as they are, and an example of each that is put together there. */
export interface Reader {
  readonly reads: readonly Writer[];
  readonly literals: number;
  readonly made: readonly RegExp[];
}

function reader(reads: Writer | readonly Writer[], literals: number, ...made: readonly RegExp[]): Reader {
  return { reads: typeof reads === 'string' ? [reads] : reads, literals, made };
}

const DASHES = '-‐‑‒–—―−﹣－';
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

/**
 * Every file of `src` with a regular expression in it. Whoever adds one looks at what it reads, counts it here,
 * and puts a text that would be its worst below, where the pumps made from the pattern itself do not show it.
 */
export const READERS: Readonly<Record<string, Reader>> = {
  'src/command/bot-command.ts': reader('slack', 5),
  'src/command/form-fields.ts': reader('slack', 3),
  'src/command/fleet-options.ts': reader('slack', 12),
  'src/command/parse-command.ts': reader('slack', 5),
  'src/command/rollout/parse.ts': reader('slack', 2),
  'src/command/slash-text.ts': reader('slack', 2),
  'src/command/typed-command.ts': reader('slack', 11, /\\(["“”„‟])/g),
  'src/command/words.ts': reader(
    'slack',
    6,
    new RegExp(`^[${DASHES}]+([\\p{L}?][^\\s]*)$`, 'u'),
    new RegExp(`[${DASHES.slice(1)}]`, 'gu'),
  ),
  'src/config/variables.ts': reader('own', 11),
  'src/gather/fold.ts': reader('host', 3, /(?<![\w-])web-web-web(?![\w-])/gi),
  'src/gather/key-blocks.ts': reader('host', 5),
  'src/gather/mask.ts': reader('file', 3),
  'src/inventory/expression.ts': reader(['slack', 'file'], 7),
  'src/inventory/foreign/ansible.ts': reader('file', 4),
  'src/inventory/foreign/ansible-ini.ts': reader('file', 14),
  'src/inventory/foreign/ranges.ts': reader('file', 7),
  'src/inventory/foreign/ssh-config.ts': reader('file', 2),
  'src/process/fleet/ssh-config-lines.ts': reader('file', 1),
  'src/inventory/fold-names.ts': reader('file', 1),
  'src/inventory/host-set.ts': reader(['slack', 'file'], 8),
  'src/inventory/ini.ts': reader(
    'file',
    5,
    new RegExp(`^[${SPACE}]+`),
    new RegExp(`(?<![${SPACE}])[${SPACE}]+$`),
    new RegExp(`[^${SPACE}]`),
  ),
  'src/inventory/section/parse-host.ts': reader('file', 7),
  'src/inventory/problems.ts': reader('file', 2),
  'src/lifecycle/shared-file.ts': reader('slack', 4),
  'src/policy/allowlist.ts': reader('file', 3),
  'src/policy/command-pattern.ts': reader(['slack', 'file'], 6),
  'src/policy/path-pattern.ts': reader(['slack', 'file', 'host'], 5),
  'src/process/commands/audit-command.ts': reader('own', 1),
  'src/process/commands/migrate-command.ts': reader('own', 1),
  'src/process/commands/outbox-command.ts': reader('slack', 1),
  'src/process/files/suspicions.ts': reader('own', 1),
  'src/process/health.ts': reader('slack', 1),
  'src/process/open-files.ts': reader('own', 1),
  'src/report/click-answers.ts': reader('slack', 1),
  'src/report/history.ts': reader('own', 1),
  'src/report/message.ts': reader(['own', 'slack'], 1),
  'src/thread/files/clean-lines.ts': reader('host', 2),
  'src/report/text/escape.ts': reader(['host', 'slack'], 5),
  'src/report/text/plain.ts': reader(['host', 'slack'], 16),
  'src/report/views/home.ts': reader('slack', 1),
  'src/requests/clicks.ts': reader('slack', 1),
  'src/requests/suggest.ts': reader('slack', 1),
  'src/requests/doubts/readings.ts': reader('slack', 1),
  'src/sandbox/fleet/host-command.ts': reader('own', 1),
  'src/sandbox/fleet/host-folder.ts': reader(
    'slack',
    0,
    /(^|[\s'"=:(<>;|&])\/(tmp|etc)(?=$|[\s/'":;|&)<>])/g,
  ),
  'src/sandbox/slack/delivery/payloads.ts': reader('slack', 1),
  'src/sandbox/slack/page/page-posts.ts': reader('slack', 2),
  'src/sandbox/slack/page/page-server.ts': reader('own', 1),
  'src/sandbox/slack/web-api/web-api.ts': reader('own', 1),
  'src/sandbox/slack/workspace/file-transfer.ts': reader('slack', 1),
  'src/sandbox/slack/workspace/live.ts': reader('host', 7),
  'src/slack/listeners/command.ts': reader('slack', 1),
  'src/slack/listeners/form.ts': reader('own', 1),
  'src/slack/listeners/options.ts': reader('own', 1),
  'src/slack/listeners/shortcut.ts': reader('own', 1),
  'src/slack/outgoing/failure.ts': reader('own', 1),
  'src/slack/quiet-logger.ts': reader('slack', 2),
  'src/slack/shared-files.ts': reader('slack', 1),
  'src/slack/workspace.ts': reader('slack', 1),
  'src/ssh/names/hosts-file.ts': reader('own', 1),
  'src/ssh/connection/jump.ts': reader('host', 1),
  'src/ssh/copy/remote-digest.ts': reader('host', 2),
  'src/ssh/copy/remote-path.ts': reader(['host', 'slack'], 1),
  'src/ssh/host-keys/host-keys.ts': reader('file', 1),
  'src/ssh/host-keys/known-hosts.ts': reader('file', 4),
  'src/ssh/spool/spool-folder.ts': reader('own', 2),
  'src/ssh/transfer-folder.ts': reader('slack', 4),
  'src/ssh/trouble.ts': reader('host', 8),
  'src/store/database-url.ts': reader('own', 1),
  'src/store/embedded/database.ts': reader('own', 4),
  'src/store/move/copy-tables.ts': reader('own', 1),
  'src/store/move/source.ts': reader('own', 2),
  'src/store/postgres/connect.ts': reader('own', 2),
  'src/inventory/section/host-section.ts': reader('file', 4),
  'src/inventory/fill.ts': reader(['slack', 'file'], 3),
  'src/lifecycle/bring-files.ts': reader('slack', 1),
  'src/report/text/wording.ts': reader('slack', 1),
  'src/inventory/section/host-values.ts': reader('file', 11, /^(?:(?:pass|word)+: )$/iu),
  'src/inventory/parse-inventory.ts': reader('file', 1),
  'src/inventory/text.ts': reader('file', 1),
  'src/sandbox/slack/web-api/files.ts': reader('own', 1),
  'src/slack/reachability.ts': reader('slack', 2),
  'src/ssh/command/ending.ts': reader('host', 2),
  'src/ssh/command/mark-filter.ts': reader('host', 1),
  'src/ssh/command/run-command.ts': reader('host', 1),
  'src/ssh/command/starting/sudo-password.ts': reader('host', 3),
  'src/ssh/command/starting/start-talk.ts': reader(
    'host',
    0,
    /batchops-c0ffee-(?:s([er])\n|(p):|(w)\n|(x)\n|[er][1-9][0-9]{0,9}\n)/,
  ),
  'src/ssh/command/wrapping/line.ts': reader('slack', 1),
  'src/ssh/command/wrapping/script.ts': reader('slack', 1),
  'src/ssh/login/algorithms.ts': reader('own', 1),
  'src/ssh/login/keys/certificate.ts': reader('file', 2),
  'src/ssh/login/keys/keys.ts': reader('file', 5),
  'src/ssh/login/login.ts': reader('host', 1),
  'src/ssh/login/offer.ts': reader('host', 2),
  // What is put together is of the words that speak of a code; a question is cut to 200 characters before it.
  'src/ssh/login/questions.ts': reader(
    'host',
    8,
    /(?<![\p{L}\p{N}])(?:code|token|pin|(?<!\p{L})код(?!\p{L}))(?![\p{L}])|one[- ]?time|verif/iu,
  ),
  'src/ssh/part/staged-folder.ts': reader('host', 1),
  'src/ssh/tree/get-folder.ts': reader('slack', 1),
  'src/ssh/tree/remote-tree.ts': reader('host', 1),
  'src/ssh/part/file-names.ts': reader(['own', 'host'], 5),
  'src/ssh/sftp/open-session.ts': reader('host', 2),
  'src/ssh/sftp/refusal.ts': reader('host', 1),
};
