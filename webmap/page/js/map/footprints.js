// Where the scenes lie, while none is open: outlines on the map that open them.

import { h } from "../dom.js";

/** @typedef {import("../types.js").Scene} Scene */
/** @typedef {import("../scenestate.js").Workbench} Workbench */
/** @typedef {import("../panels/scenelist.js").SceneList} SceneList */

const TINY = 14;

/**
 * @param {Workbench} bench
 * @param {SceneList} list
 * @param {(scene: Scene) => void} onOpen
 */
export function showFootprints(bench, list, onOpen) {
  let shown = L.layerGroup();

  const draw = () => {
    shown.remove();
    if (bench.scene || !bench.georeferenced) return;
    const { map } = bench.first;
    shown = L.layerGroup().addTo(map);
    for (const scene of list.scenes) {
      if (!scene.bbox || !scene.geometry) continue;
      const [west, south, end, north] = scene.bbox;
      const east = end < west ? end + 360 : end;
      const corners = [map.project([south, west]), map.project([north, east])];
      const wide = Math.abs((corners[1]?.x ?? 0) - (corners[0]?.x ?? 0));
      /** @type {L.Path | L.GeoJSON} */
      const outline =
        wide < TINY
          ? L.circleMarker([(south + north) / 2, (west + east) / 2], { radius: 7, className: "footprint dot" })
          : L.geoJSON(scene.geometry, { style: { className: "footprint" } });
      outline.bindTooltip(h("span", {}, scene.name), { sticky: true, className: "footprint-name" });
      outline.on("click", () => onOpen(scene));
      shown.addLayer(outline);
    }
    // The list opens the same scenes by their names; nobody wants to pass each of them twice by Tab.
    for (const path of map.getPane("overlayPane")?.querySelectorAll(".footprint") ?? []) {
      path.setAttribute("tabindex", "-1");
      path.setAttribute("aria-hidden", "true");
    }
  };

  const bind = () => bench.first.map.on("zoomend", draw);
  list.addEventListener("found", draw);
  bench.addEventListener("scene", draw);
  bench.addEventListener("stage", bind);
  bind();
}
