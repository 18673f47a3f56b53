import { App } from '@slack/bolt';
import { ConfigError } from '../errors.ts';
import type { Log } from '../ports/log.ts';
import { type Meters, UNMETERED } from '../ports/meters.ts';
import type { Received } from '../ports/records.ts';
import type { Requests } from '../requests/calls.ts';
import { within } from '../time/within.ts';
import { Answers } from './answers/answer.ts';
import { Receipts } from './answers/receipts.ts';
import { tellUnanswered } from './answers/unanswered.ts';
import { HttpEndpoint } from './http.ts';
import { register as registerActions } from './listeners/action.ts';
import { Admission } from './listeners/admission.ts';
import { register as registerCommands } from './listeners/command.ts';
import { register as registerForms } from './listeners/form.ts';
import { HomeTabs, register as registerHome } from './listeners/home.ts';
import { register as registerOptions } from './listeners/options.ts';
import { Reception } from './listeners/reception.ts';
import { register as registerShortcuts } from './listeners/shortcut.ts';
import { quietLogger } from './quiet-logger.ts';
import { Sockets } from './socket-mode/sockets.ts';
import { clientOptions, type SlackSettings, type Workspace } from './workspace.ts';

export const DRAIN_MS = 15_000;

export interface SlackConnection {
  /** True while Slack can reach us: at least one socket is active, or the HTTP server listens. */
  isConnected(): boolean;
  /** Socket Mode connections of this app, as Slack counted them last; undefined where it never did. */
  connections(): number | undefined;
  /** Tells people whose requests were left without an answer by a process that is gone since. */
  tellUnanswered(): Promise<void>;
  /** The port in HTTP mode. */
  readonly port: number | undefined;
  /** Waits for the requests that are being served, then goes. New ones are refused meanwhile. */
  stop(): Promise<void>;
}

export interface SlackConnectionOptions {
  readonly settings: SlackSettings;
  readonly workspace: Workspace;
  readonly desk: Requests;
  readonly received: Received;
  readonly log: Log;
  readonly meters?: Meters;
  /** `Store.describeTrouble`. */
  readonly describeTrouble?: (error: unknown) => string | undefined;
  /** Slack refuses us for good while running: the process should end, not look alive and be deaf. */
  readonly onFatal: (error: Error) => void;
}

/** Lets Slack's commands and clicks in, and tells who was left without an answer. Resolves once Slack can reach us. */
export async function openSlack(options: SlackConnectionOptions): Promise<SlackConnection> {
  const { settings, workspace, desk, received, log } = options;
  const answers = new Answers(workspace, log);
  const receipts = new Receipts(received, log);
  const reception = new Reception(workspace, {
    answers,
    receipts,
    log,
    ...(options.describeTrouble !== undefined && { describeTrouble: options.describeTrouble }),
  });
  // Before anything new is put down beside it.
  const left = await received.unanswered();
  const stopping = new AbortController();
  const admission = new Admission(workspace, log);
  const homes = new HomeTabs(desk, workspace, log);
  const refused = Promise.withResolvers<never>();
  // Nobody may be listening any more when it comes.
  refused.promise.catch(() => undefined);
  let isOpen = false;
  const endpoint = openEndpoint(options, (error) => {
    if (isOpen) options.onFatal(error);
    else refused.reject(new ConfigError([`SLACK_APP_TOKEN: ${error.message}`]));
  });
  const [receiver, ...others] = endpoint instanceof Sockets ? endpoint.receivers : [endpoint.receiver];

  const app = new App({
    receiver,
    token: settings.botToken.reveal(),
    botId: workspace.botId,
    botUserId: workspace.botUserId,
    // auth.test was asked already, and an unhandled rejection must not come of it (facts/slack.md 0.4).
    tokenVerificationEnabled: false,
    deferInitialization: true,
    // Otherwise Bolt remembers every conversation, for ever.
    convoStore: false,
    logger: quietLogger(log),
    clientOptions: clientOptions(settings, log, 10_000),
  });
  app.error(async (error) => log.error({ err: error }, 'Bolt could not hand on a request'));
  registerCommands(app, desk, admission, reception);
  registerActions(app, desk, admission, reception, homes, workspace.others);
  registerShortcuts(app, desk, admission, reception);
  registerForms(app, desk, admission, reception, homes);
  registerOptions(app, desk, workspace, admission, log);
  registerHome(app, admission, reception, homes);
  await app.init();
  for (const other of others) other.init(app);

  try {
    await Promise.race([endpoint.start(), refused.promise]);
  } catch (error) {
    await endpoint.stop();
    throw error;
  }
  isOpen = true;
  const { signal } = stopping;
  const telling = { received, answers, workspace, log, signal };
  void reception.serve(() => tellUnanswered(telling, left));

  return {
    async tellUnanswered() {
      const since = await received.unanswered();
      if (since.length > 0) await reception.serve(() => tellUnanswered(telling, since));
    },
    isConnected: () => endpoint.isActive(),
    connections: () => (endpoint instanceof Sockets ? endpoint.connections : undefined),
    port: endpoint instanceof HttpEndpoint ? endpoint.port : undefined,
    async stop() {
      stopping.abort();
      await within(reception.idle(), { ms: DRAIN_MS, late: () => undefined });
      await endpoint.stop();
    },
  };
}

function openEndpoint(
  { settings, log, meters = UNMETERED }: SlackConnectionOptions,
  onRefused: (error: Error) => void,
): Sockets | HttpEndpoint {
  const { mode } = settings;
  return mode.kind === 'http'
    ? new HttpEndpoint(mode.signingSecret.reveal(), mode, { log, meters })
    : new Sockets(settings, mode.appToken.reveal(), { log, meters, onRefused });
}
