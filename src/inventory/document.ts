import { looksLikeAnsible, readAnsibleIni } from './foreign/ansible-ini.ts';
import { readAnsibleJson } from './foreign/ansible-json.ts';
import { readSshConfig, type SshConfigLine } from './foreign/ssh-config.ts';
import { type IniFile, parseIni } from './ini.ts';
import { Problems } from './problems.ts';

/** One of the places that hosts are written down in. `name` is what a problem calls it. */
export type InventoryText =
  /** Ours, or Ansible's, which is told by what stands in it. */
  | {
      readonly kind: 'ini';
      readonly name: string;
      readonly text: string;
      /** Folders beside it in which Ansible would look for more. */
      readonly beside?: readonly string[];
    }
  /** What `ansible-inventory --list` prints. */
  | { readonly kind: 'json'; readonly name: string; readonly text: string }
  | { readonly kind: 'ssh-config'; readonly name: string; readonly lines: readonly SshConfigLine[] };

/** Whatever it was written as, it has the sections of our own file: those with `ip` are hosts, the others groups. */
export interface Document {
  readonly file: IniFile;
  readonly problems: Problems;
  /** What is legal and most likely not meant, or not read here. */
  readonly warnings: readonly string[];
  /** Of our own kind: its lines are as somebody typed them for us. */
  readonly isOwn: boolean;
}

export function readDocument(source: InventoryText): Document {
  switch (source.kind) {
    case 'ini': {
      const problems = new Problems(source.name);
      const isAnsible = looksLikeAnsible(source.text, problems);
      for (const folder of isAnsible ? (source.beside ?? []) : []) {
        problems.at(
          1,
          `${folder} beside it is not read here, and may say otherwise how a host is reached; name a program that prints \`ansible-inventory --list\``,
        );
      }
      const read = isAnsible
        ? readAnsibleIni(source.text, problems)
        : { file: parseIni(source.text, problems), warnings: [] };
      return { ...read, problems, isOwn: !isAnsible };
    }
    case 'json': {
      const read = readAnsibleJson(source.text, source.name);
      return { ...read, isOwn: false };
    }
    case 'ssh-config': {
      const problems = new Problems(source.name);
      return { ...readSshConfig(source.lines, problems), problems, isOwn: false };
    }
    default:
      return source satisfies never;
  }
}
