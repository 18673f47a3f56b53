import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type Json, textOf } from '../../../slack/json.ts';
import { labelOf } from '../blocks/label.ts';
import type { OptionGroup } from '../surfaces/form.ts';

/** A list to choose from while one types: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/ */

export interface ComboboxProps {
  readonly label: string;
  readonly placeholder: string;
  readonly chosen: readonly Json[];
  readonly isMany: boolean;
  readonly maxChosen: number;
  readonly isInvalid?: boolean;
  readonly describedBy?: string | null;
  readonly isFocused?: boolean;
  /** The app is asked: not for every letter. */
  readonly isSlow: boolean;
  /** For a `<label>`. */
  readonly inputId?: string;
  /** What to offer for these words; a string says why there is nothing. */
  find(query: string): Promise<readonly OptionGroup[] | string> | readonly OptionGroup[] | string;
  onChange(values: readonly Json[]): void;
  /** The list was left without choosing: a select in a message folds away. */
  onLeave?(): void;
}

interface Answer {
  readonly query: string;
  /** A string says why there is nothing. */
  readonly found: readonly OptionGroup[] | string;
}

const PAUSE_MS = 150;
const GAP_PX = 4;
const MAX_LIST_PX = 300;

export function Combobox(props: ComboboxProps): VNode {
  const { chosen, isMany, label } = props;
  const [query, setQuery] = useState('');
  const [isOpen, setOpen] = useState(props.isFocused === true);
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [current, setCurrent] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  /** Enter came before the answer. */
  const isAwaited = useRef(false);
  const id = useId();

  const isChosen = (option: Json): boolean => chosen.some(({ value }) => value === option.value);
  const found = answer?.found ?? null;
  const options = found === null || typeof found === 'string' ? [] : found.flatMap((group) => group.options);
  // What was found for other words stays in sight for a moment, and cannot be chosen by Enter any more.
  const active = answer?.query === query ? options[Math.min(current, options.length - 1)] : undefined;

  const { find } = props;
  useEffect(() => {
    if (!isOpen) return;
    let isStale = false;
    const ask = async (): Promise<void> => {
      const groups = await find(query);
      if (isStale) return;
      setAnswer({ query, found: groups });
      setCurrent(0);
      const sure = isAwaited.current ? findSure(groups, query) : undefined;
      isAwaited.current = false;
      if (sure !== undefined) choose(sure);
    };
    const timer = setTimeout(() => void ask(), answer === null || !props.isSlow ? 0 : PAUSE_MS);
    return () => {
      isStale = true;
      clearTimeout(timer);
    };
    // What can be found does not change while the list is open.
  }, [isOpen, query]);

  usePlace(isOpen, box, list, [found, chosen]);
  useEffect(() => {
    if (props.isFocused === true) input.current?.focus();
  }, []);
  useEffect(() => {
    if (isOpen) list.current?.querySelector('.is-active')?.scrollIntoView({ block: 'nearest' });
  });

  const close = (): void => {
    setOpen(false);
    setQuery('');
    setAnswer(null);
    props.onLeave?.();
  };
  const choose = (option: Json): void => {
    if (!isMany) {
      props.onChange([option]);
      close();
      return;
    }
    if (isChosen(option)) props.onChange(chosen.filter(({ value }) => value !== option.value));
    else if (chosen.length < props.maxChosen) props.onChange([...chosen, option]);
    setQuery('');
    input.current?.focus();
  };
  const drop = (option: Json): void => {
    props.onChange(chosen.filter(({ value }) => value !== option.value));
    input.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    const moves: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1 };
    const move = moves[event.key];
    if (move !== undefined) {
      if (!isOpen) setOpen(true);
      else if (options.length > 0) setCurrent((current + move + options.length) % options.length);
    } else if (event.key === 'Enter') {
      // Enter chooses; it never sends the form from here.
      if (!isOpen) setOpen(true);
      else if (active !== undefined) choose(active);
      else isAwaited.current = answer?.query !== query;
    } else if (event.key === 'Escape' && isOpen) {
      close();
      event.stopPropagation();
    } else if (event.key === 'Backspace' && query === '' && isMany && chosen.length > 0) {
      props.onChange(chosen.slice(0, -1));
    } else {
      return;
    }
    event.preventDefault();
  };

  const single = !isMany ? chosen[0] : undefined;
  const text = isOpen || single === undefined ? query : labelOf(single, 'text');
  return html`<div class=${`combobox${props.isInvalid === true ? ' is-invalid' : ''}`} ref=${box}
    onMouseDown=${(event: MouseEvent) => {
      if (event.target !== input.current && !(event.target instanceof HTMLButtonElement)) {
        event.preventDefault();
        input.current?.focus();
        setOpen(true);
      }
    }}>
    ${
      isMany
        ? chosen.map(
            (
              option,
            ) => html`<span class="chip" key=${option.value}>${labelOf(option, 'text')}<button type="button"
              aria-label=${`Remove ${labelOf(option, 'text')}`} onClick=${() => drop(option)}>✕</button></span>`,
          )
        : null
    }
    <input ref=${input} id=${props.inputId ?? null} type="text" role="combobox" autocomplete="off" spellcheck=${false} aria-label=${label} value=${text}
      placeholder=${chosen.length === 0 ? props.placeholder : single === undefined ? '' : labelOf(single, 'text')}
      aria-expanded=${isOpen} aria-controls=${`${id}-list`} aria-autocomplete="list" aria-invalid=${props.isInvalid === true}
      aria-describedby=${props.describedBy ?? null}
      aria-activedescendant=${isOpen && active !== undefined ? `${id}-${options.indexOf(active)}` : null}
      onInput=${(event: Event) => {
        if (!(event.currentTarget instanceof HTMLInputElement)) return;
        setQuery(event.currentTarget.value);
        isAwaited.current = false;
        setOpen(true);
      }}
      onMouseDown=${() => setOpen(true)}
      onBlur=${() => isOpen && close()}
      onKeyDown=${onKeyDown} />
    ${
      !isMany && single !== undefined && props.onLeave === undefined
        ? html`<button type="button" class="combobox-clear" aria-label=${`Clear ${label}`} onClick=${() => props.onChange([])}>✕</button>`
        : null
    }
    <span class="combobox-sign" aria-hidden="true">▾</span>
    <div ref=${list} popover="manual" class="options" onMouseDown=${(event: Event) => event.preventDefault()}>
      <div role="listbox" id=${`${id}-list`} aria-label=${label} aria-multiselectable=${isMany} aria-busy=${isOpen && answer?.query !== query}>
        ${isOpen ? renderList(found, { id, options, active, isChosen, choose, query }) : null}
      </div>
    </div>
  </div>`;
}

/** What nobody has seen yet is chosen only where it is the one thing that can be meant. */
function findSure(found: readonly OptionGroup[] | string, query: string): Json | undefined {
  const options = typeof found === 'string' ? [] : found.flatMap((group) => group.options);
  const words = query.trim().toLowerCase();
  const exact = options.filter((option) => labelOf(option, 'text').toLowerCase() === words);
  const [sure, ...others] = exact.length > 0 ? exact : options;
  return others.length === 0 ? sure : undefined;
}

interface ListMeans {
  readonly id: string;
  readonly options: readonly Json[];
  readonly active: Json | undefined;
  readonly query: string;
  isChosen(option: Json): boolean;
  choose(option: Json): void;
}

function renderList(
  found: readonly OptionGroup[] | string | null,
  means: ListMeans,
): VNode | readonly VNode[] {
  if (found === null) return html`<p class="options-note" role="status">Looking…</p>`;
  if (typeof found === 'string') return html`<p class="options-note" role="status">${found}</p>`;
  if (means.options.length === 0)
    return html`<p class="options-note" role="status">${means.query === '' ? 'There is nothing to choose.' : `Nothing matches “${means.query}”.`}</p>`;
  return found.map((group) =>
    group.label === null
      ? html`${group.options.map((option) => renderOption(option, means))}`
      : html`<div role="group" aria-label=${textOf(group.label, 'text')}>
          <p class="options-group" aria-hidden="true">${textOf(group.label, 'text')}</p>
          ${group.options.map((option) => renderOption(option, means))}
        </div>`,
  );
}

function renderOption(option: Json, { id, options, active, isChosen, choose }: ListMeans): VNode {
  const classes = ['option', option === active && 'is-active', isChosen(option) && 'is-chosen'];
  return html`<div role="option" key=${option.value} id=${`${id}-${options.indexOf(option)}`} class=${classes.filter(Boolean).join(' ')}
    aria-selected=${isChosen(option)} onClick=${() => choose(option)}>
    <span class="option-text">${labelOf(option, 'text')}</span>
    <span class="option-sign" aria-hidden="true">${isChosen(option) ? '✓' : ''}</span>
  </div>`;
}

/** Above everything, under the box, or over it where there is more room. */
function usePlace(
  isOpen: boolean,
  box: { readonly current: HTMLElement | null },
  list: { readonly current: HTMLElement | null },
  inputs: readonly unknown[],
): void {
  useLayoutEffect(() => {
    const [anchor, element] = [box.current, list.current];
    if (anchor === null || element === null || !isOpen) return;
    element.showPopover();
    const place = (): void => {
      const at = anchor.getBoundingClientRect();
      const below = innerHeight - at.bottom - 2 * GAP_PX;
      const above = at.top - 2 * GAP_PX;
      const isAbove = below < Math.min(element.scrollHeight, MAX_LIST_PX) && above > below;
      element.style.maxHeight = `${Math.min(MAX_LIST_PX, isAbove ? above : below)}px`;
      const width = Math.max(at.width, Math.min(280, innerWidth - 16));
      element.style.width = `${width}px`;
      element.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
      element.style.top = isAbove ? 'auto' : `${at.bottom + GAP_PX}px`;
      element.style.bottom = isAbove ? `${innerHeight - at.top + GAP_PX}px` : 'auto';
    };
    place();
    addEventListener('scroll', place, true);
    addEventListener('resize', place);
    return () => {
      removeEventListener('scroll', place, true);
      removeEventListener('resize', place);
      if (element.isConnected) element.hidePopover();
    };
  }, [isOpen, ...inputs]);
}
