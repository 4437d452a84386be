// What stands around the map: the head of the panel, the tools, the credit, and the names that screen readers say.

import { creditOf, isFar } from "./map/base.js";
import { button, byId, fill, h, icon } from "./dom.js";
import { nameTab } from "./service/notices.js";
import { TEXT } from "./texts.js";
import { cycleTheme } from "./theme.js";

/** @typedef {import("./scenestate.js").Workbench} Workbench */

/** The panel is a sheet over the map. */
export const narrow = matchMedia("(max-width: 720px)");

/**
 * @param {Workbench} bench
 * @param {{onHelp: () => void, onMeasure: () => void, onFind: () => void, onBase: () => void}} options
 */
export function makeFrame(bench, { onHelp, onMeasure, onFind, onBase }) {
  const panel = byId("panel");
  const body = byId("panel-body");
  const names = { panel: TEXT.panel.label, toolbar: TEXT.map.tools, measure: TEXT.measure.title, find: TEXT.find.title, legend: TEXT.legend.title };
  for (const [id, name] of Object.entries(names)) byId(id).setAttribute("aria-label", name);
  byId("title").textContent = `${TEXT.title}: ${TEXT.tagline}`;

  const collapse = button({ icon: "panel", label: TEXT.panel.hide, bare: true, onclick: () => togglePanel() }, { "aria-controls": "panel-body" });
  const togglePanel = (wanted = panel.dataset.state !== "open") => {
    const label = wanted ? TEXT.panel.hide : TEXT.panel.show;
    panel.dataset.state = wanted ? "open" : "closed";
    collapse.setAttribute("aria-expanded", String(wanted));
    collapse.setAttribute("aria-label", label);
    collapse.title = label;
    body.inert = !wanted;
  };

  const scene = h("span", { class: "brand-scene", "aria-hidden": "true" });
  byId("panel-head").append(
    h("span", { class: "brand" }, icon("logo"), h("span", {}, h("strong", {}, TEXT.title), h("small", {}, TEXT.tagline), scene)),
    button({ icon: "theme", label: TEXT.map.theme, bare: true, onclick: cycleTheme }),
    button({ icon: "help", label: TEXT.map.help, bare: true, onclick: onHelp }),
    collapse,
  );

  const zoom = (/** @type {1 | -1} */ step) => bench.first.map.setZoom(bench.first.map.getZoom() + step);
  byId("toolbar").append(
    h(
      "div",
      { class: "tools" },
      button({ icon: "plus", label: TEXT.map.zoomIn, bare: true, onclick: () => zoom(1) }),
      button({ icon: "minus", label: TEXT.map.zoomOut, bare: true, onclick: () => zoom(-1) }),
    ),
    h(
      "div",
      { class: "tools" },
      button({ icon: "fit", label: TEXT.map.fit, bare: true, onclick: () => bench.fit() }, { id: "tool-fit" }),
      button({ icon: "ruler", label: TEXT.map.measure, bare: true, onclick: onMeasure }, { id: "tool-measure", "aria-pressed": "false" }),
      button({ icon: "search", label: TEXT.find.title, bare: true, onclick: onFind }, { id: "tool-find", "aria-pressed": "false" }),
      bench.settings.basemaps.length ? button({ icon: "stack", label: TEXT.base.title, bare: true, onclick: onBase }) : null,
    ),
  );

  const drawCredit = () => {
    const { basemap, first } = bench;
    const land = isFar(first.map) ? [h("span", {}, TEXT.map.source)] : [];
    fill(byId("credit"), ...land, ...(land.length && basemap ? [" · "] : []), ...(basemap ? creditOf(basemap.attribution) : []));
    byId("credit").hidden = !bench.georeferenced;
    byId("stage").classList.toggle("near", !land.length);
  };
  const bindCredit = () => {
    bench.first.map.off("zoomend", drawCredit).on("zoomend", drawCredit);
    drawCredit();
  };
  bench.addEventListener("stage", bindCredit);
  bench.addEventListener("scene", drawCredit);
  bindCredit();
  bench.addEventListener("scene", () => {
    const name = bench.scene?.name ?? "";
    scene.textContent = name;
    nameTab(name ? `${name} · ${TEXT.title}` : TEXT.title);
  });
  return { body, togglePanel };
}
