// Which map lies below: the land that comes with the page, or one of those that the operator offers.

import { dialog } from "../dialogs.js";
import { h } from "../dom.js";
import { keepBasemap } from "../map/base.js";
import { TEXT } from "../texts.js";

/** @typedef {import("../scenestate.js").Workbench} Workbench */

/** @param {Workbench} bench */
export async function chooseBasemap(bench) {
  const { basemaps } = bench.settings;
  const offered = [{ name: TEXT.base.none, map: null }, ...basemaps.map((map) => ({ name: map.name, map }))];
  await dialog(
    TEXT.base.title,
    [
      h("p", { class: "hint-text" }, TEXT.base.explain),
      h("ul", { class: "choices" }, ...offered.map(({ name, map }) =>
        h("li", {}, h("label", { class: "check" },
          h("input", {
            type: "radio", name: "basemap", checked: (bench.basemap?.name ?? null) === (map?.name ?? null),
            onchange: () => {
              keepBasemap(map);
              bench.lieOn(map);
            },
          }),
          h("span", {}, name))))),
    ],
    [{ label: TEXT.close, value: "", kind: "primary" }],
  );
}
