// What the colours on the map mean, and the badge that says which of them nobody observed.

import { showCard } from "./card.js";
import { gradient } from "../colours.js";
import { byId, fill, h, icon } from "../dom.js";
import { TEXT } from "../texts.js";
import { isCoarse } from "../map/seen.js";
import { styleFor } from "../map/sources.js";
import { level, shownUnit, usualRange } from "../units.js";

/** @typedef {import("../scenestate.js").Workbench} Workbench */

export const ERROR_SHOWN = 64;
const ERROR_COLOURS = "magma";
const MODEL = /model (\S+ \S+)/;

/**
 * @typedef {object} Entry
 * @property {string} label
 * @property {string} [colours]
 * @property {[string, string]} [ends]
 * @property {boolean} [synthetic]
 */

/** What the legend says of the layers that are seen. @param {Workbench} bench @returns {Entry[]} */
export function legendOf(bench) {
  const { scene, view } = bench;
  if (!scene) return [];
  return bench.seen.map((name) => {
    if (name === "optical") return { label: TEXT.legend.synthetic, synthetic: true };
    if (name === "other") return { label: `${bench.titleOf(name)}: ${TEXT.legend.syntheticToo}`, synthetic: true };
    if (name === "reference") return { label: TEXT.legend.reference };
    if (name === "error") {
      return { label: TEXT.legend.error, colours: ERROR_COLOURS, ends: ["0", `${ERROR_SHOWN}+`], synthetic: true };
    }
    const names = scene.description.polarisations;
    if (name === "sar") return radarEntry(scene, TEXT.layers.sar, names, view.sar);
    const bands = bench.sources.get(name)?.bands ?? names;
    const entry = radarEntry(scene, TEXT.layers.despeckled, bands, styleFor(scene, bands, view.sar));
    return { ...entry, label: `${entry.label}: ${TEXT.legend.estimated}` };
  });
}

/**
 * What is said of radar of these bands, displayed in this style.
 * @param {import("../types.js").Scene} scene
 * @param {string} title
 * @param {string[]} bands
 * @param {import("../types.js").SarStyle} style
 * @returns {Entry}
 */
function radarEntry(scene, title, bands, style) {
  if (style.band === "composite") {
    const [first = "", second = ""] = bands;
    return { label: `${title}: ${TEXT.legend.dual(first, second)}` };
  }
  const band = bands[Number(style.band) - 1] ?? "";
  const [low, high] = style.range ?? usualRange(scene, String(scene.description.polarisations.indexOf(band) + 1));
  return {
    label: [title, band.replace("unknown", ""), shownUnit(scene.description.unit)].filter(Boolean).join(" "),
    colours: style.colours,
    ends: [level(low, scene.description.unit), level(high, scene.description.unit)],
  };
}

/** The model that painted what is seen. @param {Workbench} bench */
export function modelOf(bench) {
  const names = /** @type {const} */ (["optical", "other"]).filter((name) => bench.seen.includes(name));
  const models = names.map((name) => MODEL.exec(bench.sources.get(name)?.title ?? "")?.[1]).filter(Boolean);
  return [...new Set(models)].join(", ") || bench.settings.model;
}

/** @param {Workbench} bench */
export function makeLegend(bench) {
  const legend = byId("legend");
  const badge = byId("badge");
  const hint = byId("hint");
  const made = h("span", { class: "badge-model" });
  const coarse = h("span", { class: "badge-coarse" });
  const button = h(
    "button",
    { type: "button", class: "badge", title: TEXT.synthetic.open, onclick: () => void showCard(modelOf(bench).split(" ")[0] ?? "") },
    icon("magic"),
    h("span", {}, TEXT.synthetic.badge),
    made,
    coarse,
    icon("info"),
  );
  badge.append(button);

  const draw = () => {
    const entries = legendOf(bench);
    legend.hidden = !entries.length;
    fill(legend, ...entries.map(entryRow));
    badge.hidden = !entries.some(({ synthetic }) => synthetic);
    made.textContent = modelOf(bench);
    coarse.textContent = isCoarse(bench) ? TEXT.synthetic.coarse : "";
    const words = bench.scene && bench.tooFarForLive ? TEXT.layers.zoomIn : bench.scene && bench.sources.size && !bench.seen.length ? TEXT.layers.empty : "";
    const halves = /** @type {const} */ ([["label-left", bench.view.left], ["label-right", bench.view.right]]);
    for (const [id, name] of halves) {
      byId(id).hidden = !bench.scene || bench.view.mode === "stack";
      byId(id).textContent = bench.titleOf(name);
    }
    hint.hidden = !words;
    hint.textContent = words;
  };
  bench.addEventListener("scene", draw);
  bench.addEventListener("view", draw);
  bench.addEventListener("results", draw);
  draw();
}

/** @param {Entry} entry */
function entryRow({ label, colours, ends }) {
  const ramp = h("span", { class: "ramp" });
  if (colours) ramp.style.background = gradient(colours);
  return h(
    "div",
    { class: "legend-entry" },
    h("span", {}, label),
    colours ? ramp : null,
    ends ? h("span", { class: "legend-ends" }, h("span", {}, ends[0]), h("span", {}, ends[1])) : null,
  );
}
