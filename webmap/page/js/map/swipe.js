// The divider between two layers: dragged by mouse or finger, moved by arrow keys.

import { h, icon } from "../dom.js";
import { TEXT } from "../texts.js";

const STEP = 0.02;
const LEAP = 0.1;
/** @type {Record<string, number>} */
const KEYS = { ArrowLeft: -STEP, ArrowRight: STEP, ArrowDown: -STEP, ArrowUp: STEP, PageDown: -LEAP, PageUp: LEAP, Home: -1, End: 1 };

/**
 * @param {HTMLElement} host
 * @param {(split: number) => void} onMove called with 0 to 1
 */
export function makeDivider(host, onMove) {
  const handle = h(
    "div",
    {
      class: "divider",
      role: "slider",
      tabindex: 0,
      "aria-label": TEXT.compare.divider,
      "aria-orientation": "horizontal",
      "aria-valuemin": 0,
      "aria-valuemax": 100,
    },
    h("div", { class: "divider-grip" }, icon("swipe")),
  );
  let split = 0.5;

  /** @param {number} value */
  const set = (value) => {
    split = Math.min(1, Math.max(0, value));
    handle.style.left = `${100 * split}%`;
    handle.setAttribute("aria-valuenow", String(Math.round(100 * split)));
  };

  /** @param {PointerEvent} event */
  const drag = (event) => {
    const { left, width } = host.getBoundingClientRect();
    set((event.clientX - left) / width);
    onMove(split);
  };
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    handle.addEventListener("pointermove", drag);
    event.preventDefault();
    handle.focus();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    handle.addEventListener(end, () => handle.removeEventListener("pointermove", drag));
  }
  handle.addEventListener("keydown", (event) => {
    const step = KEYS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    set(split + step);
    onMove(split);
  });
  host.append(handle);
  return {
    handle,
    set,
    /** @param {boolean} shown */
    toggle: (shown) => {
      handle.hidden = !shown;
    },
  };
}
