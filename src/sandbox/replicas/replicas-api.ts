/**
 * What the panel of replicas reads and sends, all JSON, on the server of the page:
 *
 *     GET  /replicas.json    ReplicasShown
 *     POST /replicas/kill    {n}    `kill -9` of that process
 *     POST /replicas/start   {n}    a new process in its place
 */
export interface ReplicasShown {
  readonly replicas: readonly ReplicaShown[];
}

export interface ReplicaShown {
  readonly n: number;
  readonly state: 'starting' | 'up' | 'gone';
  /** It is the one that brings messages to Slack. */
  readonly posts: boolean;
  readonly runs: readonly { readonly run: string; readonly hosts: readonly string[] }[];
}
