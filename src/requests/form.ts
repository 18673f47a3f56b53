import { CHANNEL } from '../command/fields.ts';
import {
  describeFields,
  type FieldFaults,
  type FormFields,
  parseFormFields,
} from '../command/form-fields.ts';
import { type FormField, fieldsOf } from '../command/options.ts';
import { Refusal, type Subject } from '../errors.ts';
import { shorten } from '../inventory/shorten.ts';
import {
  type Call,
  type Drafted,
  draftRun,
  foreseeShares,
  type RequestContext,
  startRun,
} from '../lifecycle/begin-run.ts';
import { bringWork } from '../lifecycle/bring-files.ts';
import { sha256 } from '../lifecycle/sha256.ts';
import { checkSize, fetchShared, localNameOf } from '../lifecycle/shared-file.ts';
import { authorize } from '../policy/authorize.ts';
import { COPY_FORM, type FormState, formatCopyForm, formatRunForm, RUN_FORM } from '../report/views/form.ts';
import type { Answer, Modal } from '../report/views/view.ts';
import { canonicalPlan, type Plan, type Work } from '../run/plan.ts';
import { newSeed } from '../run/rollout/order.ts';
import type { MentionedFile, SharedFile } from '../run/shared-file.ts';
import { within } from '../time/within.ts';
import type { FormVerdict, SlashCall, SubmittedForm } from './calls.ts';

/** Slack waits 3 s for a verdict; a large file may take longer to read. */
const VERDICT_MS = 1_500;
/** As long as it waits for a window. */
const DESCRIBED_MS = 1_500;
/** Slack allows more, but nobody reads more below a field. */
const MAX_FAULT_CHARS = 500;

/** What goes along with the form, and what was shown in it last. */
interface Memo {
  readonly file?: SharedFile;
  /** Of the plan in the preview: only what was shown is run. */
  readonly shown?: string;
  /** Drawn as it is opened: an order by chance is the same each time that the form comes back. */
  readonly seed?: number;
}

/**
 * Opens at once: nothing slow may stand before it, as the right to open a window lasts 3 s. `from`: where it was
 * asked for, and where the results go if nothing else is chosen; Slack takes no direct message as that.
 */
export function openForm(
  kind: 'run' | 'copy',
  from: Pick<SlashCall, 'channelId' | 'isDirect'>,
  file?: SharedFile,
): Modal {
  if (file !== undefined) checkSize(file);
  const memo = { seed: newSeed(), ...(file === undefined ? {} : { file }) };
  return formatForm(kind, memo, from.isDirect === true ? '' : from.channelId);
}

/** What a message tells of its file, or Slack where the message does not. */
export async function findMentioned(
  { sharedFiles }: Pick<RequestContext, 'sharedFiles'>,
  file: MentionedFile,
): Promise<SharedFile> {
  if ('name' in file) return file;
  const late = () => {
    throw new Refusal('not-now', 'Slack does not tell what this file is, so there is no form for it.', {
      remedy: 'Try again in a moment.',
    });
  };
  return await within(sharedFiles.describe(file.id), { ms: DESCRIBED_MS, late });
}

function formatForm(
  kind: 'run' | 'copy',
  memo: Memo,
  channelId: string,
  preview?: FormState['preview'],
): Modal {
  const state = {
    ...(channelId === '' ? {} : { channelId }),
    ...(memo.file === undefined ? {} : { file: memo.file }),
    ...(preview === undefined ? {} : { preview }),
    metadata: JSON.stringify(memo),
  };
  return kind === 'run' ? formatRunForm(state) : formatCopyForm(state);
}

/**
 * The first time it is sent the form shows what it would do; only when it comes back for that very plan does
 * it run. Judged both times, and once more where the run is put down.
 */
export async function judgeForm(
  context: RequestContext,
  call: Call,
  form: SubmittedForm,
): Promise<FormVerdict> {
  const kind = kindOf(form);
  const memo = readMemo(form.metadata);
  const drafted = draftForm(context, call, form);
  if ('faults' in drafted) return { kind: 'faults', faults: drafted.faults };
  const { plan: draft, notes } = drafted;
  const bringing = drafted.bring();
  const work = await soon(bringing);
  const plan = { ...draft, work: work ?? lateWork(draft.work, memo.file) };
  if (work !== undefined) authorize(plan, context.allowlist, context.inventory);
  const shown = await hashPlan(plan);
  if (memo.shown !== shown) {
    const said = [...(await foreseeShares(context, plan)), ...notes];
    return {
      kind: 'shown',
      view: formatForm(kind, { ...memo, shown }, call.channelId, [plan, undefined, said]),
    };
  }
  return {
    kind: 'accepted',
    channelId: call.channelId,
    begin: async () => await startRun(context, call, { ...draft, work: await bringing }, notes),
  };
}

/** Without a preview: its person has seen what it stands for, with this hash. */
export async function runForm(
  context: RequestContext,
  call: Call,
  form: SubmittedForm,
  shown: string | undefined,
): Promise<Answer | undefined> {
  const drafted = draftForm(context, call, form);
  if ('faults' in drafted) throw new Refusal('usage', Object.values(drafted.faults).join(' '));
  const { plan, notes, bring } = drafted;
  if ((await hashPlan(plan)) !== shown) {
    throw new Refusal('not-now', 'What this would run on is not what you were shown any more.', {
      remedy: 'Open the form again.',
    });
  }
  return await startRun(context, call, { ...plan, work: await bring() }, notes);
}

interface DraftedForm extends Drafted {
  /** Its file at hand. */
  bring(): Promise<Work>;
}

/** What it says, judged by its words: no file was looked at. Throws a `Refusal`. */
export function draftForm(
  context: RequestContext,
  call: Call,
  form: SubmittedForm,
): DraftedForm | { readonly faults: FieldFaults } {
  const { file, seed = 0 } = readMemo(form.metadata);
  const parsed = parseFormFields(kindOf(form), filledIn(form));
  if ('faults' in parsed) return parsed;
  const drafted = draftRun(context, call, parsed.request, seed);
  authorize(drafted.plan, context.allowlist, context.inventory);
  const { work } = parsed.request;
  const bring = () =>
    file === undefined || work.action !== 'put'
      ? bringWork(context, call, work)
      : fetchShared(context, file).then((sent) => ({ ...work, ...sent }));
  return { ...drafted, bring };
}

export function hashPlan(plan: Plan): Promise<string> {
  return sha256(new TextEncoder().encode(canonicalPlan(plan)));
}

/** Undefined where it takes longer than Slack waits. */
function soon(bringing: Promise<Work>): Promise<Work | undefined> {
  return within(bringing, { ms: VERDICT_MS, late: () => undefined });
}

/** Of a large file of Slack's: which one it is, and its size, as Slack says; it is held to both. */
function lateWork(work: Work, file: SharedFile | undefined): Work {
  if (work.action !== 'put' || file === undefined) return work;
  const { id, uploader, bytes } = file;
  return { ...work, source: { bytes, sha256: '' }, shared: { id, uploader } };
}

/** The request as people read it in the audit. */
export function describeForm(form: SubmittedForm): string {
  const file = readMemo(form.metadata).file;
  // Of another version's window too: the audit has every no.
  const words = describeFields(form.callbackId === COPY_FORM ? 'copy' : 'run', filledIn(form));
  return file === undefined ? words : `${words} (Slack's file ${file.id}, ${file.name})`;
}

const FIELDS = [...fieldsOf('run'), ...fieldsOf('copy'), CHANNEL];
const TYPED: ReadonlySet<string> = new Set(
  [...fieldsOf('run'), ...fieldsOf('copy')].filter(({ kind }) => kind === 'text').map(({ block }) => block),
);

/** The fields that people write in, by block. */
export function typedFields({ fields }: SubmittedForm): readonly (readonly [string, readonly string[]])[] {
  return Object.entries(fields).filter(([block]) => TYPED.has(block));
}
/** Where a part of the request stands in a form that has no field for it. */
const INSTEAD: Readonly<Partial<Record<Subject, readonly FormField[]>>> = {
  action: ['command', 'remote'],
  command: ['script'],
  local: ['remote', 'script', 'stdin'],
};

/**
 * A no at the field that it is about, the lower one where two were filled in; at the hosts where it is about
 * no part of the request.
 */
export function placeRefusal(form: SubmittedForm, refusal: Refusal): Readonly<Record<string, string>> {
  const words = [refusal.message, refusal.remedy].filter((part) => part !== undefined).join(' ');
  const text = shorten(words, MAX_FAULT_CHARS);
  const { about = 'hosts' } = refusal;
  const own = FIELDS.filter((field) => field.about === about).map(({ block }) => block);
  const isFilled = (block: string) => form.fields[block] !== undefined;
  const field = own.findLast(isFilled) ?? INSTEAD[about]?.find(isFilled) ?? 'hosts';
  return { [field]: text };
}

export function isKnownForm({ callbackId }: SubmittedForm): boolean {
  return callbackId === RUN_FORM || callbackId === COPY_FORM;
}

function kindOf({ callbackId }: SubmittedForm): 'run' | 'copy' {
  if (callbackId === RUN_FORM) return 'run';
  if (callbackId === COPY_FORM) return 'copy';
  throw new Refusal('usage', 'This window is from another version of Batchops.', {
    remedy: 'Close it and open it again.',
  });
}

/** A file of Slack's stands in for the name in the transfer folder. */
function filledIn(form: SubmittedForm): FormFields {
  const { file } = readMemo(form.metadata);
  return file === undefined
    ? form.fields
    : { ...form.fields, action: ['put'], local: [localNameOf(file.id, file.name)] };
}

/** Ours, as nobody else can write it; still read with care, since an older version may have. */
function readMemo(metadata: string): Memo {
  let value: unknown;
  try {
    value = JSON.parse(metadata);
  } catch {
    return {};
  }
  if (typeof value !== 'object' || value === null) return {};
  const shown = 'shown' in value && typeof value.shown === 'string' ? { shown: value.shown } : {};
  const seed = 'seed' in value && typeof value.seed === 'number' ? { seed: value.seed } : {};
  const file = 'file' in value ? readFile(value.file) : undefined;
  return { ...shown, ...seed, ...(file === undefined ? {} : { file }) };
}

function readFile(value: unknown): SharedFile | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('id' in value && 'name' in value && 'bytes' in value && 'uploader' in value)) return undefined;
  const { id, name, bytes, uploader } = value;
  if (typeof id !== 'string' || typeof name !== 'string') return undefined;
  return typeof bytes === 'number' && typeof uploader === 'string'
    ? { id, name, bytes, uploader }
    : undefined;
}
