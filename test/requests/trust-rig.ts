import { readFileSync } from 'node:fs';
import { TRUST_ACTION } from '../../src/report/keys/look.ts';
import type { Answer } from '../../src/report/views/view.ts';
import { formatKnownHost } from '../../src/ssh/host-keys/known-hosts.ts';
import { ANN, CLEO, clickOn, type DeskRig, OPS } from './rig.ts';

export const RULES = `
[admins]
users = ${ANN.userId}, U0EVE
channels = ${OPS}
hosts = @web
actions = trust
[looks]
users = ${CLEO.userId}
channels = *
hosts = all
actions = run, cancel, audit
commands = *
`;
export const EVE = { teamId: 'T1', userId: 'U0EVE' };

export const INVENTORY = `
[DEFAULT]
user = root
password = hunter2
[web01]
ip = 10.0.0.1
[web02]
ip = 10.0.0.2
[db01]
ip = 10.0.0.3
[alias]
ip = 10.0.0.3
[web]
web01 = True
web02 = True
`;

/** Of the shape of a host key. */
export function keyOf(label: string): Buffer {
  const part = (text: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    return Buffer.concat([length, Buffer.from(text)]);
  };
  return Buffer.concat([part('ssh-ed25519'), part(label)]);
}

export const [A, B, C] = [keyOf('a'), keyOf('b'), keyOf('c')];

let asked = 0;
export async function ask(
  rig: DeskRig,
  text: string,
  by = ANN,
  channelId = OPS,
): Promise<Answer | undefined> {
  asked += 1;
  return await rig.desk.command({
    command: '/batch',
    text,
    requester: by,
    channelId,
    requestKey: `k${asked}`,
  });
}

/** The ids of what was shown, by the words on the buttons. */
export function buttonsOf(
  answer: Answer | undefined,
): readonly { readonly label: string; readonly id: string }[] {
  return (answer !== undefined && 'blocks' in answer ? answer.blocks : []).flatMap((block) =>
    block.type !== 'actions'
      ? []
      : block.elements.flatMap((one) =>
          one.type === 'button' ? [{ label: one.text.text, id: one.value ?? '' }] : [],
        ),
  );
}

export const press = (rig: DeskRig, id: string, by = ANN) =>
  rig.desk.press(clickOn(TRUST_ACTION, id, { requester: by }));
export const fileOf = (rig: DeskRig): string => {
  try {
    return readFileSync(rig.knownHosts, 'latin1');
  } catch {
    return '';
  }
};
export const lineOf = (place: string, blob: Buffer) => formatKnownHost(place, { type: 'ssh-ed25519', blob });

export async function auditOf(rig: DeskRig) {
  const entries = [];
  for await (const entry of rig.store.store.audit.entries()) entries.push(entry);
  return entries;
}
