import ssh2 from 'ssh2';

export interface KeyPair {
  /** OpenSSH private key text. */
  readonly private: string;
  /** One line, as in `authorized_keys`. */
  readonly public: string;
}

/**
 * A key of an SSH host or of a person. ssh2 drops the leading zero bytes of an ed25519 public key, so that one
 * in 256 of its keys is malformed (lib/keygen.js of 1.17.0; 11 of 3,000 here): those are thrown away.
 */
export function makeKeyPair(options: { readonly passphrase?: string } = {}): KeyPair {
  const { passphrase } = options;
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync(
      'ed25519',
      passphrase === undefined ? { comment: 'batchops' } : { passphrase, cipher: 'aes256-ctr', rounds: 4 },
    );
    if (!(ssh2.utils.parseKey(pair.private, passphrase) instanceof Error)) return pair;
  }
}
