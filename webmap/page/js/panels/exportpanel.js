// Taking it away: files, the picture of this view, URLs for other programs, and the link to this view.

import { serviceUrl, askJson, wordsOf } from "../service/api.js";
import { note } from "../dialogs.js";
import { button, fill, h, icon, part } from "../dom.js";
import { savePicture } from "../map/picture.js";
import { TEXT } from "../texts.js";
import { encode } from "../view.js";
import { snippet, TOOLS } from "./snippets.js";

/** @typedef {import("../types.js").LayerName} LayerName */
/** @typedef {import("../types.js").Scene} Scene */
/** @typedef {import("../scenestate.js").Workbench} Workbench */

const text = TEXT.take;
/** @type {[string, string][]} */
const OUTPUTS = [["optical", text.cog], ["error", text.errorCog], ["despeckled", text.despeckledCog], ["quicklook", text.quicklook], ["stac", text.stacItem]];

/** @param {Workbench} bench */
export function makeTakePanel(bench) {
  const files = h("div", { class: "files" });
  const urls = h("ul", { class: "urls" });
  const layer = h("select", { class: "field", "aria-label": text.layer, onchange: () => draw(layer.value) });
  const shown = h(
    "details",
    { class: "options" },
    h("summary", {}, text.urls),
    h("div", { class: "rows" }, h("label", { class: "row" }, h("span", {}, text.layer), layer), urls,
      bench.settings.cors ? null : h("p", { class: "hint-text" }, text.corsOff)),
  );
  const tool = h("select", { class: "field", "aria-label": text.tool, onchange: () => write() }, ...TOOLS.map((name) => h("option", { value: name }, name)));
  const code = h("textarea", { class: "field mono code", readonly: true, rows: 9, spellcheck: "false", wrap: "off", "aria-label": text.code });
  const coded = h(
    "details",
    { class: "options", ontoggle: () => write() },
    h("summary", {}, text.code),
    h("div", { class: "rows" },
      h("label", { class: "row" }, h("span", {}, text.tool), tool),
      code,
      button({ icon: "copy", label: text.copyCode, kind: "small", onclick: () => void copy(code.value, code) })),
  );
  let filed = "";
  let listed = "";
  let chosen = "optical";

  /** Write the code anew, where it is looked at. */
  const write = () => {
    // In the pixels of a picture there is no map to lie on.
    for (const one of tool.options) one.hidden = one.disabled = !bench.georeferenced && !["curl", "Python"].includes(one.value);
    if (tool.selectedOptions[0]?.disabled) tool.value = "curl";
    if (coded.open) code.value = snippet(tool.value, bench, /** @type {LayerName} */ (layer.value));
  };

  /** @param {string} [wanted] */
  const draw = (wanted) => {
    chosen = wanted ?? chosen;
    const { scene } = bench;
    if (!scene) return;
    const jobs = bench.jobOf("optical") ? [bench.jobOf("optical") ?? ""] : scene.jobs;
    if (filed !== `${scene.id}${jobs.join()}`) {
      filed = `${scene.id}${jobs.join()}`;
      void offerFiles(scene, jobs, files);
    }
    const names = bench.available.filter((name) => bench.sources.get(name)?.tiled);
    shown.hidden = !names.length || !scene.georeferenced;
    coded.hidden = !names.length;
    write();
    const now = JSON.stringify([names.map((name) => bench.sources.get(name)?.key), chosen]);
    if (now === listed) return;
    listed = now;
    fill(layer, ...names.map((name) => h("option", { value: name }, bench.titleOf(name))));
    layer.value = names.find((name) => name === chosen) ?? names[0] ?? "";
    write();
    const source = bench.sources.get(/** @type {LayerName} */ (layer.value));
    fill(urls, ...(source ? urlsOf(scene, source) : []).map(([name, value]) => copyRow(name, value)));
  };

  bench.addEventListener("scene", () => draw());
  bench.addEventListener("view", () => draw());
  return part(
    text.title,
    files,
    h(
      "div",
      { class: "buttons" },
      button({ icon: "picture", label: text.picture, kind: "small", onclick: () => void takePicture(bench) }),
      button({ icon: "link", label: text.permalink, kind: "small", onclick: () => void copy(permalink(bench)) }),
    ),
    shown,
    coded,
  );
}

/** @param {Workbench} bench */
export const permalink = (bench) => `${document.baseURI.replace(/#.*/, "")}#${encode(bench.view)}`;

/** @param {Scene} scene @param {string[]} jobs whose files are offered, the newest first @param {HTMLElement} files */
async function offerFiles(scene, jobs, files) {
  const source = file(serviceUrl(`scenes/${scene.id}/download`), text.source);
  if (!jobs.length) {
    fill(files, source, h("p", { class: "hint-text" }, text.needsJob));
    return;
  }
  const results = await newestResults(scene, jobs);
  fill(
    files,
    ...OUTPUTS.map(([name, label]) => (results[name]?.href ? file(results[name].href, label) : null)),
    source,
  );
}

/**
 * The newest of each result: a later translation may have made fewer files than the layers that the scene has.
 * @param {Scene} scene
 * @param {string[]} jobs
 * @returns {Promise<Record<string, {href: string}>>}
 */
async function newestResults(scene, jobs) {
  const wanted = OUTPUTS.map(([name]) => name).filter((name) => scene.layers.includes(name));
  /** @type {Record<string, {href: string}>} */
  let found = {};
  for (const job of jobs) {
    found = { ...(await askJson(`jobs/${job}/results`).catch(() => ({}))), ...found };
    if (wanted.every((name) => name in found)) break;
  }
  return found;
}

/** @param {string} href @param {string} label */
const file = (href, label) => h("a", { class: "file", href, download: "" }, icon("download"), h("span", {}, label));

/**
 * @param {Scene} scene
 * @param {import("../types.js").Source} source
 * @returns {[string, string][]}
 */
function urlsOf(scene, { served, url }) {
  const query = new URL(url).search;
  const layer = `scenes/${scene.id}/${served}`;
  const escaped = url.replaceAll("&", "%26");
  return [
    [text.xyz, url],
    [text.tilejson, serviceUrl(`${layer}/tilejson.json`) + query],
    [text.wmts, serviceUrl(`${layer}/WMTSCapabilities.xml`) + query],
    [text.stac, serviceUrl(`stac/collections/scenes/items/${scene.id}`)],
    [text.qgis, `type=xyz&url=${escaped}&zmin=0&zmax=24`],
  ];
}

/** @param {string} name @param {string} value */
function copyRow(name, value) {
  const field = h("input", { class: "field mono", readonly: true, value, "aria-label": name, onfocus: () => field.select() });
  const made = button({ icon: "copy", label: text.copy(name), bare: true, onclick: () => void copy(value, field) });
  return h("li", {}, h("span", { class: "url-name" }, name), field, made);
}

/** @param {string} value @param {HTMLInputElement | HTMLTextAreaElement} [field] */
export async function copy(value, field) {
  try {
    await navigator.clipboard.writeText(value);
    note(text.copied, "good");
  } catch {
    const shown = field ?? h("input", { class: "field mono", readonly: true, value });
    if (!field) document.body.append(shown);
    shown.select();
    // The old way, for pages that are not served from a secure origin.
    const copied = document.execCommand("copy");
    if (!field) shown.remove();
    note(copied ? text.copied : text.copyFailed, copied ? "good" : "bad");
  }
}

/** @param {Workbench} bench */
export async function takePicture(bench) {
  await savePicture(bench).catch((error) => note(wordsOf(error), "bad"));
}
