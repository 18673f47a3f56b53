/** Between two people or several. The names of those Slack makes up; of channels only public ones have their own. */
export function isDirectMessage(channelId: string, nameInPayload: string | undefined = ''): boolean {
  return channelId.startsWith('D') || nameInPayload === 'directmessage' || nameInPayload.startsWith('mpdm-');
}
