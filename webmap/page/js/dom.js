// Making elements. Text is always text: nothing here, and nothing anywhere in the page, reads a string as HTML.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, unknown>} Attributes */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element. `on...` attributes are listeners, booleans are present or absent, `value` is set as a property.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  // The children first: a select takes its value from the options that it has.
  element.append(...children.filter(isShown).map((child) => (child instanceof Node ? child : String(child))));
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name === "value") Object.assign(element, { value });
    else if (typeof value === "boolean" && !name.startsWith("aria-")) element.toggleAttribute(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  return element;
}

/**
 * A part of the panel under a heading.
 * @param {string} title
 * @param {...Child} children
 */
export const part = (title, ...children) => h("section", { class: "part" }, h("h3", {}, title), ...children);

/** @param {Child} child @returns {child is Node | string | number} */
const isShown = (child) => child !== null && child !== undefined && child !== false;

/**
 * An icon of the sprite; decoration only, whoever shows it says in words what it means.
 * @param {string} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/**
 * A button with an icon, and with its label as text or for screen readers and as a tooltip alone.
 * @param {{icon?: string, label: string, onclick: (event: MouseEvent) => void, kind?: string, bare?: boolean}} options
 * @param {Attributes} [attributes]
 */
export function button({ icon: name, label, onclick, kind = "", bare = false }, attributes = {}) {
  return h(
    "button",
    {
      type: "button",
      class: `button ${kind}${bare ? " bare" : ""}`,
      onclick,
      ...(bare ? { "aria-label": label, title: label } : {}),
      ...attributes,
    },
    name ? icon(name) : null,
    bare ? null : h("span", {}, label),
  );
}

/**
 * Replace what an element holds; what had the focus and bears the same `data-focus` has it afterwards.
 * @param {Element} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  const focused = document.activeElement;
  const key = focused instanceof HTMLElement && element.contains(focused) ? focused.dataset.focus : undefined;
  element.replaceChildren(...children.filter(isShown).map((child) => (child instanceof Node ? child : String(child))));
  if (key) {
    const found = element.querySelector(`[data-focus="${CSS.escape(key)}"]`);
    if (found instanceof HTMLElement) found.focus({ preventScroll: true });
  }
}

/**
 * The element of the page with this id, which index.html has.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found;
}

/**
 * Call a function at most once a frame.
 * @template {unknown[]} Given
 * @param {(...given: Given) => void} work
 * @returns {(...given: Given) => void}
 */
export function eachFrame(work) {
  /** @type {Given | null} */
  let waiting = null;
  return (...given) => {
    if (!waiting) {
      requestAnimationFrame(() => {
        const latest = /** @type {Given} */ (waiting);
        waiting = null;
        work(...latest);
      });
    }
    waiting = given;
  };
}

/**
 * Call a function when nothing has asked for it for so long.
 * @template {unknown[]} Given
 * @param {number} milliseconds
 * @param {(...given: Given) => void} work
 * @returns {(...given: Given) => void}
 */
export function settled(milliseconds, work) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = window.setTimeout(() => work(...given), milliseconds);
  };
}
