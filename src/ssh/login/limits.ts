/**
 * All that a host can send, ask or keep waiting before it gets a command. What goes beyond ends the login, in
 * words that name the phase and the limit. The times are totals, not silences: a host that drips a byte a
 * second has no longer than one that says nothing.
 *
 * | phase            | time (`Deadlines`)                       | and                                           |
 * | name and TCP     | `connectMs`, 3 s                         |                                               |
 * | greeting to login| `handshakeMs`, 15 s, all host keys asked | `LOGIN_BYTES`; uncompressed, so no bombs      |
 * | – signatures     |                                          | one for a key, `AGENT_KEYS` for an agent      |
 * | – ways to log in |                                          | each once, and only as the host says "partly" |
 * | – questions      |                                          | one, of `QUESTION_CHARS`                      |
 * | channel          | `channelMs`, 10 s                        |                                               |
 * | further tries    | `retryDelaysMs`, two; and ten where it hung up on a crowd | only where no secret was offered |
 */

/** Greeting, key exchange, banners and questions together. OpenSSH's own come to 3 KiB. */
export const LOGIN_BYTES = 128 * 1024;

/** A host key that is written down; one of RSA with 16,384 bits, the most that OpenSSH makes, has 2,071. */
export const KEY_BYTES = 4_096;

/** OpenSSH hangs up at the sixth refusal (MaxAuthTries). */
export const AGENT_KEYS = 5;

/** Characters of a question that is still looked at; a longer one is no question for a password. */
export const QUESTION_CHARS = 200;

/** A pattern of the inventory over a host's question: it may take this long, in ms. */
export const QUESTION_PATTERN_MS = 20;
