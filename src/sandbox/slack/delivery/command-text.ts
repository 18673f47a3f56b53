import type { Workspace } from '../workspace/workspace.ts';

/** The three characters Slack escapes in what people write. */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * With `should_escape` names, channels and addresses arrive as `<@U…>`, `<#C…|name>` and `<http://…>`, else the
 * text is what was typed (facts/slack.md section 3; a real workspace has the last word).
 */
export function formatCommandText(text: string, shouldEscape: boolean, workspace: Workspace): string {
  if (!shouldEscape) return text;
  return escapeText(text)
    .replaceAll(/https?:\/\/\S+/g, (address) => `<${address}>`)
    .replaceAll(/(?<!\S)@([\w.-]+)/g, (typed, name: string) => {
      const user = Array.from(workspace.users.values()).find((each) => each.name === name);
      return user === undefined ? typed : `<@${user.id}|${user.name}>`;
    })
    .replaceAll(/(?<!\S)#([\w-]+)/g, (typed, name: string) => {
      const channel = workspace.listChannels().find((each) => each.name === name);
      if (channel === undefined) return typed;
      return channel.kind === 'public' ? `<#${channel.id}|${channel.name}>` : `<#${channel.id}|>`;
    });
}
