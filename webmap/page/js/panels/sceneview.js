// The panel of the scene that is open: what it is, and every tool for it.

import { serviceUrl, ask, sendJson, wordsOf } from "../service/api.js";
import { asked, confirmed, note } from "../dialogs.js";
import { button, fill, h } from "../dom.js";
import { makeComparePanel } from "./comparepanel.js";
import { middleOf } from "../map/coordinates.js";
import { makeLayerPanel } from "./layerpanel.js";
import { makeRadarPanel } from "./radarpanel.js";
import { makeReadingPanel } from "./readingpanel.js";
import { makeResultsPanel } from "./resultspanel.js";
import { makeTakePanel } from "./exportpanel.js";
import { TEXT } from "../texts.js";
import { makeTranslatePanel } from "./translatepanel.js";
import { bytes, crsName, day, degrees, number, polarisations } from "../units.js";

/** @typedef {import("../types.js").Scene} Scene */
/** @typedef {import("../scenestate.js").Workbench} Workbench */

/**
 * @param {Workbench} bench
 * @param {{onBack: () => void, onGone: () => void}} options
 */
export function makeSceneView(bench, { onBack, onGone }) {
  const name = h("h2", { tabindex: -1 });
  const summary = h("p", { class: "summary" });
  const facts = h("dl", { class: "facts" });
  const notes = h("div", { class: "facts-notes" });
  const state = h("p", { class: "state", role: "status" });
  const rename = button({ icon: "rename", label: TEXT.scene.rename, bare: true, onclick: () => void renameScene(bench) });
  const remove = button({
    icon: "trash", label: TEXT.scene.remove, bare: true,
    onclick: () => void removeScene(bench).then((gone) => gone && onGone()),
  });
  const translate = makeTranslatePanel(bench);
  const element = h(
    "div",
    { class: "scene" },
    h(
      "header",
      { class: "scene-head" },
      button({ icon: "back", label: TEXT.back, onclick: onBack, kind: "link back" }),
      h("div", { class: "scene-title" }, name, rename, remove),
      summary,
      state,
    ),
    h("details", { class: "facts-more" }, h("summary", {}, TEXT.scene.facts), facts, notes, makeReadingPanel(bench)),
    translate.element,
    makeResultsPanel(bench),
    makeLayerPanel(bench),
    makeComparePanel(bench),
    makeRadarPanel(bench),
    makeTakePanel(bench),
  );

  const draw = () => {
    const { scene } = bench;
    if (!scene) return;
    name.textContent = scene.name;
    name.title = scene.name;
    summary.textContent = summaryOf(scene);
    const { display } = scene;
    state.textContent =
      display.state === "preparing" ? TEXT.scene.preparing : display.state === "failed" ? TEXT.scene.failed(display.message) : "";
    state.hidden = !state.textContent;
    fill(facts, ...factsOf(scene).flatMap(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]));
    fill(notes, ...scene.description.notes.map((one) => h("p", {}, one)));
  };
  bench.addEventListener("scene", draw);
  return { element, name, translate };
}

/** What was understood, in a line. @param {Scene} scene */
function summaryOf({ description: it, acquired }) {
  const [x] = it.pixel_size_metres ?? [];
  return [
    polarisations(it.polarisations, `${TEXT.scene.polarisation} ${TEXT.scene.unknownPolarisation}`),
    `${number(it.width)} × ${number(it.height)}`,
    x ? `${number(Number(x.toFixed(1)), x < 20 && x.toFixed(1) !== x.toFixed(0) + ".0" ? 1 : 0)} m` : "",
    acquired ? day(acquired) : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

/** @param {Scene} scene @returns {[string, string][]} */
function factsOf(scene) {
  const { description: it } = scene;
  const text = TEXT.scene;
  const [x, y] = it.pixel_size_metres ?? [];
  return [
    [text.size, `${number(it.width)} × ${number(it.height)} px (${number(it.megapixels, 1)} Mpx)`],
    ...(x && y ? [/** @type {[string, string]} */ ([text.pixel, `${number(x, 1)} × ${number(y, 1)} m`])] : []),
    [text.unit, text.units[it.unit] ?? it.unit],
    [text.polarisation, polarisations(it.polarisations, text.unknownPolarisation)],
    [text.place, scene.bbox ? degrees(...middleOf(scene.bbox), 3) : text.imageSpace],
    [text.crs, crsName(it.crs) || text.imageSpace],
    [text.date, scene.acquired ? day(scene.acquired) : text.unknownDate],
    [text.file, `${scene.filename}, ${bytes(scene.size)}`],
  ];
}

/** @param {Workbench} bench */
async function renameScene(bench) {
  const { scene } = bench;
  if (!scene) return;
  const text = TEXT.scene;
  const name = await asked({ title: text.renameTitle, label: text.newName, value: scene.name, yes: text.save });
  if (!name || name === scene.name) return;
  await sendJson(`scenes/${scene.id}`, "PATCH", { name })
    .then(() => bench.refresh())
    .catch((error) => note(wordsOf(error), "bad"));
}

/** @param {Workbench} bench */
async function removeScene(bench) {
  const { scene } = bench;
  const text = TEXT.scene;
  if (!scene || !(await confirmed(text.removeTitle, text.removeExplain(scene.name), text.remove))) return false;
  try {
    await ask(serviceUrl(`scenes/${scene.id}`), { method: "DELETE" });
  } catch (error) {
    note(wordsOf(error), "bad");
    return false;
  }
  note(text.removed, "good");
  return true;
}
