import { App } from '@slack/bolt';
import { WebClient } from '@slack/web-api';
import { isJson } from '../validator/rules.ts';

/** Notes which keys of what Slack sends our own code looks at: neither Bolt's, nor the SDK's, nor a test's. */

/** A file of `src/slack`, as the top of a stack names it. */
const OURS = /\/src\/slack\//;

/** What `await` looks for, and what the SDK makes of the headers. */
const NOT_SLACKS = ['then', 'response_metadata'];

export interface Reads extends Disposable {
  /** The name of the shape, then the keys: `payload slash_commands`, `text`; `[]` is an item of a list. */
  readonly paths: ReadonlySet<string>;
}

/** From now on, in this process. */
export function watchReads(): Reads {
  const paths = new Set<string>();
  const { processEvent } = App.prototype;
  const { apiCall } = WebClient.prototype;
  App.prototype.processEvent = function (event) {
    const name = `payload ${event.body.type ?? 'slash_commands'}`;
    return processEvent.call(this, { ...event, body: watch(event.body, name, paths) });
  };
  WebClient.prototype.apiCall = async function (method, options) {
    return watch(await apiCall.call(this, method, options), `answer ${method}`, paths);
  };
  return {
    paths,
    [Symbol.dispose]() {
      App.prototype.processEvent = processEvent;
      WebClient.prototype.apiCall = apiCall;
    },
  };
}

/** The same, but that what is read of it is noted under `at`. */
function watch<T extends object>(value: T, at: string, paths: Set<string>): T {
  return new Proxy(value, {
    get(target, key, receiver) {
      const inner: unknown = Reflect.get(target, key, receiver);
      if (typeof key !== 'string' || typeof inner === 'function' || NOT_SLACKS.includes(key)) return inner;
      const isItem = Array.isArray(target) && /^\d+$/.test(key);
      const path = `${at}${isItem ? '[]' : `.${key}`}`;
      if (!isItem && !Array.isArray(target) && isOurs()) paths.add(path);
      return isJson(inner) || Array.isArray(inner) ? watch(inner, path, paths) : inner;
    },
  });
}

/** Whether it is our code that reads: the frame above this file's own. */
function isOurs(): boolean {
  const frames = (new Error().stack ?? '').split('\n').slice(1);
  const reader = frames.find((frame) => !frame.includes('conformance/shapes/reads.ts'));
  return OURS.test(reader ?? '');
}
