// How the radar is drawn: polarisation or composite, range of values beside their histogram, colours.

import { serviceUrl, askJson } from "../service/api.js";
import { COLOURS, gradient } from "../colours.js";
import { button, fill, h, part } from "../dom.js";
import { TEXT } from "../texts.js";
import { level, shownUnit, usualRange } from "../units.js";

/** @typedef {import("../types.js").Scene} Scene */
/** @typedef {import("../types.js").SarStyle} SarStyle */
/** @typedef {import("../scenestate.js").Workbench} Workbench */
/** @typedef {{edges: number[], counts: number[]}} Histogram */

const text = TEXT.radar;
const STEP = 0.1;
const BINS = 64;
const SVG = "http://www.w3.org/2000/svg";

/** @param {Workbench} bench */
export function makeRadarPanel(bench) {
  const band = h("select", { class: "field", onchange: () => restyle({ band: band.value, range: null }) });
  const colours = h(
    "select",
    { class: "field", onchange: () => restyle({ colours: colours.value }) },
    ...COLOURS.map((value) => h("option", { value }, text.maps[value] ?? value)),
  );
  const preset = h("select", { class: "field", onchange: () => restyle({ range: presets().find(([name]) => name === preset.value)?.[1] ?? null }) });
  const ramp = h("div", { class: "ramp", "aria-hidden": "true" });
  const bars = document.createElementNS(SVG, "svg");
  bars.setAttribute("viewBox", `0 0 ${BINS} 32`);
  bars.setAttribute("preserveAspectRatio", "none");
  bars.setAttribute("role", "img");
  bars.setAttribute("aria-label", text.histogram);
  const path = document.createElementNS(SVG, "path");
  bars.append(path);
  const shade = h("div", { class: "histogram-range" });
  const low = h("input", { type: "range", class: "low", step: STEP, "aria-label": text.low, oninput: () => slide(low) });
  const high = h("input", { type: "range", class: "high", step: STEP, "aria-label": text.high, oninput: () => slide(high) });
  const told = h("output", { class: "range-told" });
  const reset = button({ label: text.reset, kind: "link small", onclick: () => restyle({ range: null, colours: "gray" }) });
  const histogram = h("div", { class: "histogram" }, bars, shade, low, high);
  const single = h(
    "div",
    {},
    h("label", { class: "row" }, h("span", {}, text.stretch), preset),
    histogram,
    h("div", { class: "range-row" }, told, reset),
    h("label", { class: "row" }, h("span", {}, text.colours), colours),
    ramp,
  );
  const hint = h("p", { class: "hint-text" }, text.compositeHint);
  const bandRow = h("label", { class: "row" }, h("span", {}, text.band), band);
  /** @type {Map<string, Promise<Histogram[]>>} */
  const known = new Map();

  const presets = () => (bench.scene ? presetsOf(bench.scene, bench.view.sar.band) : []);

  /** @param {Partial<SarStyle>} change */
  const restyle = (change) => bench.change({ sar: { ...bench.view.sar, ...change } });

  /** @param {HTMLInputElement} moved */
  const slide = (moved) => {
    const [a, b] = [Number(low.value), Number(high.value)];
    if (a >= b) moved.value = String(moved === low ? b - STEP : a + STEP);
    restyle({ range: [Number(low.value), Number(high.value)] });
  };

  const draw = () => {
    const { scene } = bench;
    if (!scene) return;
    const { sar } = bench.view;
    const names = scene.description.polarisations;
    const options = names.map((name, index) => /** @type {const} */ ([String(index + 1), name]));
    const wanted = [...options, ...(names.length > 1 ? [/** @type {const} */ (["composite", text.composite])] : [])];
    if ([...band.options].map((one) => one.text).join() !== wanted.map(([, label]) => label).join()) {
      fill(band, ...wanted.map(([value, label]) => h("option", { value }, label)));
    }
    band.value = sar.band;
    bandRow.hidden = names.length < 2;
    colours.value = sar.colours;
    const composite = sar.band === "composite";
    single.hidden = composite;
    hint.hidden = !composite;
    ramp.style.background = gradient(sar.colours);
    if (composite) return;
    const [usualLow, usualHigh] = usualRange(scene, sar.band);
    const [from, to] = sar.range ?? [usualLow, usualHigh];
    const { unit } = scene.description;
    const offered = presets();
    const now = offered.find(([, range]) => String(range) === String(sar.range));
    fill(preset, ...offered.map(([name]) => h("option", { value: name }, text.presets[name] ?? name)), now ? null : h("option", { value: "own" }, text.presets.own ?? ""));
    preset.value = now?.[0] ?? "own";
    told.textContent = text.range(level(from, unit), level(to, unit), shownUnit(unit));
    const figures = Object.values(scene.description.statistics)[Number(sar.band) - 1];
    const least = Math.floor(Math.min(figures?.minimum ?? usualLow, from));
    const most = Math.ceil(Math.max(figures?.maximum ?? usualHigh, to));
    for (const input of [low, high]) {
      input.min = String(least);
      input.max = String(most);
    }
    low.value = String(from);
    high.value = String(to);
    shade.style.left = `${(100 * (from - least)) / (most - least)}%`;
    shade.style.right = `${(100 * (most - to)) / (most - least)}%`;
    void plot(scene, Number(sar.band) - 1, least, most);
  };

  /** @param {Scene} scene @param {number} index @param {number} least @param {number} most */
  const plot = async (scene, index, least, most) => {
    if (scene.display.state === "failed") return;
    const found = known.get(scene.id) ?? histograms(scene);
    known.set(scene.id, found);
    const one = (await found.catch(() => {
      known.delete(scene.id);
      return [];
    }))[index];
    if (!one || bench.scene?.id !== scene.id) return;
    const top = Math.max(...one.counts, 1);
    const x = (value = 0) => ((BINS * (value - least)) / (most - least)).toFixed(2);
    const steps = one.counts.map((count, bin) => {
      const y = (32 - 31 * Math.sqrt(count / top)).toFixed(2);
      return `L${x(one.edges[bin])} ${y} L${x(one.edges[bin + 1])} ${y}`;
    });
    path.setAttribute("d", `M${x(one.edges[0])} 32 ${steps.join(" ")} L${x(one.edges.at(-1))} 32 Z`);
  };

  bench.addEventListener("scene", draw);
  bench.addEventListener("view", draw);
  return part(text.title, bandRow, single, hint);
}

/** Ranges of calibrated backscatter in decibels that many products are shown in. @type {Record<string, [number, number]>} */
const STANDARD = { VV: [-25, 0], HH: [-25, 0], VH: [-30, -5], HV: [-30, -5] };
const CALIBRATED = ["db", "power"];

/**
 * Ranges to choose for a band, by name; null is the service's own.
 * @param {Scene} scene @param {string} band @returns {[string, [number, number] | null][]}
 */
export function presetsOf({ description: it }, band) {
  const index = Number(band) - 1;
  const figures = Object.values(it.statistics)[index];
  if (!figures) return [["usual", null]];
  const { minimum, maximum, p02, p50, p98 } = figures;
  const known = CALIBRATED.includes(it.unit) ? STANDARD[it.polarisations[index] ?? ""] : undefined;
  const round = (/** @type {number} */ value) => Number(value.toFixed(1));
  /** @type {[string, [number, number] | null][]} */
  const offered = [
    ["usual", null],
    ["whole", [round(minimum), round(maximum)]],
    ["dark", [round(p02), round(p50)]],
    ["bright", [round(p50), round(Math.max(p98, (p98 + maximum) / 2))]],
    ...(known ? [/** @type {[string, [number, number]]} */ (["standard", known])] : []),
  ];
  return offered.filter(([, range]) => !range || range[0] < range[1]);
}

/** How often each value occurs in each polarisation. @param {Scene} scene @returns {Promise<Histogram[]>} */
async function histograms(scene) {
  const { bands } = await askJson(serviceUrl(`scenes/${scene.id}/sar/histogram`, { bins: BINS }));
  return bands;
}
