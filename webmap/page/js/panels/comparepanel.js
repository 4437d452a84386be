// Comparing two layers: over one another, on two sides of a divider, on two maps, or in turns.

import { button, fill, h, icon, part } from "../dom.js";
import { TEXT } from "../texts.js";
import { MODES } from "../view.js";

/** @typedef {import("../types.js").LayerName} LayerName */
/** @typedef {import("../scenestate.js").Workbench} Workbench */

const text = TEXT.compare;

/** @param {Workbench} bench */
export function makeComparePanel(bench) {
  const modes = MODES.map((mode) =>
    h(
      "button",
      { type: "button", class: "segment", "data-mode": mode, onclick: () => bench.change({ mode }) },
      icon(mode),
      h("span", {}, text[mode]),
    ),
  );
  const left = side(text.left, (name) => bench.change({ left: name }));
  const right = side(text.right, (name) => bench.change({ right: name }));
  const sides = h("div", { class: "sides" }, left.row, right.row);
  const hold = button({ icon: "flicker", label: text.flicker, kind: "small", onclick: () => undefined }, { title: text.flickerHint });
  hold.addEventListener("pointerdown", (event) => {
    hold.setPointerCapture(event.pointerId);
    bench.flicker(true);
  });
  for (const end of ["pointerup", "pointercancel", "blur"]) hold.addEventListener(end, () => bench.flicker(false));
  hold.addEventListener("keydown", ({ key }) => (key === " " || key === "Enter") && bench.flicker(true));
  hold.addEventListener("keyup", () => bench.flicker(false));
  let drawn = "";

  const draw = () => {
    const { view } = bench;
    for (const one of modes) one.setAttribute("aria-pressed", String(one.dataset.mode === view.mode));
    sides.hidden = view.mode === "stack";
    const names = bench.available;
    const now = names.map((name) => bench.titleOf(name)).join();
    if (now !== drawn) {
      drawn = now;
      for (const { select } of [left, right]) fill(select, ...names.map((name) => h("option", { value: name }, bench.titleOf(name))));
    }
    left.select.value = view.left;
    right.select.value = view.right;
  };

  bench.addEventListener("scene", draw);
  bench.addEventListener("view", draw);
  bench.addEventListener("results", draw);
  return part(text.title, h("div", { class: "segments", role: "group", "aria-label": text.title }, ...modes), sides, hold);
}

/** @param {string} label @param {(name: LayerName) => void} onChoose */
function side(label, onChoose) {
  const select = h("select", { class: "field" });
  select.addEventListener("change", () => onChoose(/** @type {LayerName} */ (select.value)));
  return { select, row: h("label", { class: "stacked" }, h("span", {}, label), select) };
}
