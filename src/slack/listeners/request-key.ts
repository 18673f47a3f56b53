import { createHash } from 'node:crypto';

/**
 * The same for every delivery of the same request: Slack gives each command and click a trigger id of its own
 * and sends it again with it. Without one, the whole body (with its response_url) tells requests apart.
 */
export function formatRequestKey(teamId: string, triggerId: string | undefined, body: object): string {
  const id =
    triggerId === undefined || triggerId === ''
      ? createHash('sha256').update(JSON.stringify(body)).digest('hex')
      : triggerId;
  return `slack:${teamId}:${id}`;
}
