import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** A button that opens a menu: https://www.w3.org/WAI/ARIA/apg/patterns/menu-button/ */

export interface MenuItem {
  readonly key: string;
  readonly name: string;
  readonly note: string;
}

interface MenuProps {
  readonly label: string;
  readonly sign: string;
  readonly className: string;
  readonly items: readonly MenuItem[];
  /** Over the items. */
  readonly title?: string;
  onChoose(key: string): void;
}

const GAP_PX = 4;
const WIDTH_PX = 280;

export function Menu({ label, sign, className, items, title, onChoose }: MenuProps): VNode {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  const id = useId();

  useLayoutEffect(() => {
    const [anchor, element] = [button.current, menu.current];
    if (!isOpen || anchor === null || element === null) return;
    element.showPopover();
    const at = anchor.getBoundingClientRect();
    const width = Math.min(WIDTH_PX, innerWidth - 16);
    const isAbove = innerHeight - at.bottom < element.offsetHeight + GAP_PX && at.top > innerHeight / 2;
    element.style.width = `${width}px`;
    element.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
    element.style.top = isAbove ? 'auto' : `${at.bottom + GAP_PX}px`;
    element.style.bottom = isAbove ? `${innerHeight - at.top + GAP_PX}px` : 'auto';
    itemsOf(element)[0]?.focus();
    return () => {
      if (element.isConnected) element.hidePopover();
    };
  }, [isOpen]);

  useEffect(() => {
    if (!isOpen) return;
    const onPress = (event: Event): void => {
      const { target } = event;
      if (target instanceof Node && (menu.current?.contains(target) || button.current?.contains(target)))
        return;
      setOpen(false);
    };
    document.addEventListener('mousedown', onPress);
    return () => document.removeEventListener('mousedown', onPress);
  }, [isOpen]);

  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const all = itemsOf(menu.current);
    const at = document.activeElement instanceof HTMLElement ? all.indexOf(document.activeElement) : -1;
    const moves: Readonly<Record<string, number>> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
    const move = moves[event.key];
    if (move !== undefined) all.at(move % all.length)?.focus();
    else if (event.key === 'Escape') close();
    else {
      if (event.key === 'Tab') setOpen(false);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return html`<span class="menu-place">
    <button ref=${button} type="button" class=${className} aria-label=${label} title=${label} aria-haspopup="menu" aria-expanded=${isOpen}
      aria-controls=${id} onClick=${() => setOpen(!isOpen)}>${sign}</button>
    <div ref=${menu} id=${id} popover="manual" class="menu" role="menu" aria-label=${label} onKeyDown=${onKeyDown}>
      ${title === undefined ? null : html`<p class="menu-title" aria-hidden="true">${title}</p>`}
      ${
        isOpen
          ? items.map(
              ({
                key,
                name,
                note,
              }) => html`<button type="button" key=${key} role="menuitem" tabindex="-1" aria-label=${name}
                onClick=${() => {
                  close();
                  onChoose(key);
                }}>
                <b>${name}</b>${note === '' ? null : html`<span>${note}</span>`}
              </button>`,
            )
          : null
      }
    </div>
  </span>`;
}

function itemsOf(menu: HTMLElement | null): readonly HTMLElement[] {
  return Array.from(menu?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? []);
}
