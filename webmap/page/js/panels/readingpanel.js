// How the scene is read: its unit, bands, polarisation, fill value, mask, CRS and border, where the file does not say it.

import { sendJson, wordsOf } from "../service/api.js";
import { note } from "../dialogs.js";
import { button, h } from "../dom.js";
import { TEXT } from "../texts.js";

/** @typedef {import("../types.js").Scene} Scene */
/** @typedef {import("../scenestate.js").Workbench} Workbench */

const text = TEXT.reading;
const POLARISATIONS = ["VV", "VH", "HH", "HV", "VV,VH", "HH,HV"];

/** @param {string} label @param {HTMLElement} field */
const row = (label, field) => h("label", { class: "row" }, h("span", {}, label), field);

/** @param {string} placeholder */
const line = (placeholder) => h("input", { class: "field", type: "text", placeholder, maxlength: 200, autocomplete: "off", spellcheck: "false" });

/** @param {[string, string][]} options */
const select = (options) =>
  h("select", { class: "field" }, ...[["", text.automatic], ...options].map(([value, name]) => h("option", { value }, name)));

/** @param {Workbench} bench */
export function makeReadingPanel(bench) {
  const unit = select(Object.entries(TEXT.scene.units));
  const polarisation = select(POLARISATIONS.map((name) => [name, name.replace(",", " + ")]));
  const band = line(text.bandHint);
  const nodata = line(text.automatic);
  const mask = line(text.maskHint);
  const crs = line(text.crsHint);
  const border = h("input", { type: "checkbox" });
  const problem = h("p", { class: "warning-text", role: "alert", hidden: true });
  const save = h("button", { type: "submit", class: "button small" }, text.save);
  const undo = button({ label: text.undo, kind: "link", onclick: () => draw() });
  const form = h(
    "form",
    { class: "rows reading", "aria-label": text.title },
    row(TEXT.scene.unit, unit), row(TEXT.scene.polarisation, polarisation), row(text.band, band), row(text.nodata, nodata),
    row(text.mask, mask), row(text.crs, crs), h("label", { class: "check" }, border, h("span", {}, text.border)),
    problem,
    h("div", { class: "reading-foot" }, save, undo),
  );
  const more = h("details", { class: "options" }, h("summary", {}, text.title), form);

  /** Show what is said of the scene; what is being written stays. */
  const draw = () => {
    const { unit: said, polarisation: pol, band: bands, nodata: fill, ...others } = bench.scene?.stated ?? {};
    unit.value = said ?? "";
    if (pol && ![...polarisation.options].some(({ value }) => value === pol)) polarisation.append(h("option", { value: pol }, pol));
    polarisation.value = pol ?? "";
    band.value = bands?.join(", ") ?? "";
    nodata.value = fill ?? "";
    mask.value = others.mask_band ?? "";
    crs.value = others.crs ?? "";
    border.checked = others.keep_border ?? false;
    problem.hidden = true;
  };

  /** Ids of the scene and what is said of it, as shown. */
  let shown = "";
  bench.addEventListener("scene", () => {
    const now = JSON.stringify([bench.scene?.id, bench.scene?.stated]);
    if (now !== shown) draw();
    shown = now;
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { scene } = bench;
    if (!scene) return;
    const bands = band.value.split(",").map((one) => one.trim()).filter(Boolean);
    const said = {
      unit: unit.value || null, polarisation: polarisation.value || null,
      band: bands.length ? bands : null, nodata: nodata.value.trim() || null,
      mask_band: mask.value.trim() || null, crs: crs.value.trim() || null, keep_border: border.checked,
    };
    save.disabled = true;
    problem.hidden = true;
    try {
      const found = /** @type {Scene} */ (await bench.during(sendJson(`scenes/${scene.id}`, "PATCH", said)));
      if (bench.scene?.id === found.id) bench.reread(found);
      note(text.done, "good");
    } catch (error) {
      problem.textContent = wordsOf(error);
      problem.hidden = false;
    }
    save.disabled = false;
  });
  return more;
}
