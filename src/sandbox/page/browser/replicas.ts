import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ReplicaShown, ReplicasShown } from '../../replicas/replicas-api.ts';

const LOOK_MS = 1_000;

/** The processes that share the work, what each does, and a button that kills it. */
export function Replicas(): VNode | null {
  const [shown, setShown] = useState<ReplicasShown | null>(null);
  const look = async (): Promise<void> => {
    const response = await fetch('/replicas.json').catch(() => null);
    if (response?.ok) setShown(await response.json());
  };
  useEffect(() => {
    void look();
    const timer = setInterval(() => void look(), LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  const order = async (what: 'kill' | 'start', n: number): Promise<void> => {
    await fetch(`/replicas/${what}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ n }),
    }).catch(() => null);
    await look();
  };
  if (shown === null) return null;
  return html`<section class="replicas" aria-labelledby="replicas-title">
    <h2 id="replicas-title">Replicas</h2>
    <ul>${shown.replicas.map((replica) => html`<${Row} key=${replica.n} replica=${replica} order=${order} />`)}</ul>
  </section>`;
}

interface RowProps {
  readonly replica: ReplicaShown;
  readonly order: (what: 'kill' | 'start', n: number) => void;
}

function Row({ replica, order }: RowProps): VNode {
  const { n, state } = replica;
  return html`<li class=${`replica is-${state}`}>
    <span class="replica-sign" aria-hidden="true">${n}</span>
    <span class="replica-words">
      <span class="replica-name">Replica ${n}</span>
      <span class="replica-note">${describe(replica)}</span>
    </span>
    ${
      state === 'gone'
        ? html`<button type="button" class="replica-button" aria-label=${`Start replica ${n} again`} onClick=${() => order('start', n)}>Start again</button>`
        : html`<button type="button" class="replica-button is-kill" aria-label=${`Kill replica ${n}`} onClick=${() => order('kill', n)}>Kill</button>`
    }
  </li>`;
}

const SHOWN_HOSTS = 3;

function describe({ state, posts, runs }: ReplicaShown): string {
  if (state === 'starting') return 'is starting';
  if (state === 'gone') return 'killed';
  const work = runs.map(({ run, hosts }) => {
    const more = hosts.length > SHOWN_HOSTS ? `, +${hosts.length - SHOWN_HOSTS}` : '';
    return `runs ${run} on ${hosts.slice(0, SHOWN_HOSTS).join(', ')}${more}`;
  });
  return [...(posts ? ['posts to Slack'] : []), ...(work.length === 0 ? ['idle'] : work)].join(' · ');
}
