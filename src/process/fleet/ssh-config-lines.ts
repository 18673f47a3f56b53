import SshConfig, { LineType } from 'ssh-config';
import { ConfigError } from '../../errors.ts';
import type { SshConfigLine } from '../../inventory/foreign/ssh-config.ts';

/**
 * An ssh_config, taken apart by the library line by line: there are none that go on below, and so each has its number.
 * What the library makes of a host is not asked for: it would run what `Match exec` says.
 */
export function readSshConfigLines(text: string, path: string): readonly SshConfigLine[] {
  const problems: string[] = [];
  const lines = text.split(/\r\n|\r|\n/).flatMap((raw, index): readonly SshConfigLine[] => {
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) return [];
    const line = index + 1;
    try {
      const [node, ...more] = SshConfig.parse(content);
      if (node?.type !== LineType.DIRECTIVE || more.length > 0) throw new Error('it is more than a line');
      const values = typeof node.value === 'string' ? [node.value] : node.value.map(({ val }) => val);
      return [{ line, keyword: node.param, values }];
    } catch {
      // The library's words quote the line.
      problems.push(`${path}:${line}: this is no line of an ssh_config`);
      return [];
    }
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return lines;
}
