import type { PageCommand } from '../../../slack/page-api.ts';

/** While the command itself is being typed: those that begin so, in the order of the manifest. */
export function findCommands(text: string, commands: readonly PageCommand[]): readonly PageCommand[] {
  if (!/^\/\S*$/.test(text)) return [];
  const typed = text.toLowerCase();
  return commands.filter(({ command }) => command.startsWith(typed));
}

/** Once the command is typed: which one it is, so that its usage can stand by. */
export function findCommand(text: string, commands: readonly PageCommand[]): PageCommand | undefined {
  const [word] = text.split(/\s/, 1);
  return /^\/\S+\s/.test(text) ? commands.find(({ command }) => command === word) : undefined;
}
