/** Elements in one call, and small marks drawn as SVG. */

type Child = Node | string | null | undefined | false;
type Value = string | number | boolean | null | undefined | ((event: never) => void);

/** An element: `on…` functions become listeners, `true` a bare attribute, null and false nothing. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Value> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function s(tag: string, attributes: Record<string, Value> = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  append(element, children);
  return element;
}

function append(element: Element, children: Child[]): void {
  for (const child of children) if (child) element.append(child);
}

const ICONS: Record<string, string> = {
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.4 10.4 14 14",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  back: "M9.5 3 4.5 8l5 5",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13M3 13l1.1-1.1M11.9 4.1 13 3",
  moon: "M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1Z",
  auto: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM8 2v12M8 5h5M8 8h6M8 11h5",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  gate: "M2.5 14V4.5M13.5 14V4.5M2.5 6.5h11M1.5 4.5 8 2l6.5 2.5M8 6.5V9",
  play: "M5 3l8 5-8 5Z",
  pause: "M5 3v10M11 3v10",
  copy: "M5.5 5.5h8v8h-8ZM10.5 5.5v-3h-8v8h3",
  cross: "M2 8h11M9.5 4 13.5 8l-4 4M5 3v10",
  zone: "M3 5.5 8 2.5l5 3v5L8 13.5l-5-3Z",
  trip: "M3 13c0-4 10-3 10-7a2.5 2.5 0 0 0-5 0M3 13h.01",
  registry: "M3.5 2.5h9v11h-9ZM6 6h4M6 9h4",
  alarm: "M8 2a4 4 0 0 0-4 4v4l-1.5 2.5h11L12 10V6a4 4 0 0 0-4-4ZM6.5 14.5h3",
  stop: "M4 4h8v8H4Z",
  polygon: "M3 5 8.5 2.5 13.5 7l-3 6.5H4Z",
  circle: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM8 8h.01",
  route: "M2.5 13.5 6 6.5l4 3 3.5-7",
  trash: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.6 9h5.8l.6-9",
  undo: "M5.5 3 2.5 6l3 3M2.5 6h6.5a4 4 0 0 1 0 8H6",
  warn: "M8 2 14.5 13.5h-13ZM8 6.5v3.5M8 12v.01",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  target: "M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7ZM8 1v3M8 12v3M1 8h3M12 8h3",
};

/** A 16 by 16 line icon, hidden from assistive technology. */
export function icon(name: string): SVGElement {
  return s("svg", { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" }, s("path", { d: ICONS[name] ?? "" }));
}

/** A square button that shows an icon and says `label`. */
export function iconButton(name: string, label: string, press: () => void, extra = ""): HTMLButtonElement {
  const button = h("button", { type: "button", class: `icon-button ${extra}`, "aria-label": label, title: label, onclick: press });
  button.append(icon(name));
  return button;
}

/** Arrow keys, Home and End move the focus between the items of a list that `selector` finds. */
export function arrowKeys(list: HTMLElement, selector: string): void {
  list.addEventListener("keydown", (event) => {
    const items = [...list.querySelectorAll<HTMLElement>(selector)];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (next === undefined || items.length === 0) return;
    event.preventDefault();
    items[Math.min(items.length - 1, Math.max(0, next))]?.focus();
  });
}
