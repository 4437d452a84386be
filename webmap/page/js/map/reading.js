// Reading the map: where the pointer is, the values of a pixel, and the scale.

import { serviceUrl, askJson } from "../service/api.js";
import { coordinatesAt } from "./coordinates.js";
import { byId, eachFrame, fill, h } from "../dom.js";
import { imageZoom } from "./sources.js";
import { TEXT } from "../texts.js";
import { crsName, degrees, level, number, round, shownUnit } from "../units.js";

/** @typedef {import("../types.js").LayerName} LayerName */
/** @typedef {import("../types.js").Scene} Scene */
/** @typedef {import("../scenestate.js").Workbench} Workbench */
/** @typedef {import("./mapview.js").Stage} Stage */

const text = TEXT.read;
const SCALE_WIDTH = 110;
const NICE = [5, 2, 1];

/** Pixels at the edges of the map where badge, tools and foot lie. */
const [LEFT, TOP, RIGHT, BOTTOM] = [8, 54, 58, 36];
const WIDEST = 280;
/** Pixels by which a popup is larger than its content. */
const [FRAME, TAIL] = [28, 56];

/** The CRS whose coordinates are shown in any case. */
const DEGREES = "EPSG:4326";

/**
 * Column and row of the scene's grid at a place, null outside it.
 * @param {Workbench} bench @param {L.LatLng} place @returns {[number, number] | null}
 */
export function pixelAt({ scene, coordinates }, place) {
  if (!scene) return null;
  const { width, height, transform = [] } = scene.description;
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = transform;
  const turn = a * e - b * d;
  const shrunk = 2 ** imageZoom(scene);
  const [x, y] = scene.georeferenced ? ((coordinates && coordinatesAt(coordinates, place)) ?? [NaN, NaN]) : [0, 0];
  const [column, row] = scene.georeferenced
    ? [(e * (x - c) - b * (y - f)) / turn, (a * (y - f) - d * (x - c)) / turn]
    : [place.lng * shrunk, -place.lat * shrunk];
  return column >= 0 && row >= 0 && column < width && row < height ? [Math.floor(column), Math.floor(row)] : null;
}

/**
 * A place in words: degrees, and the scene's own grid; or the pixel of an image.
 * @param {Workbench} bench @param {L.LatLng} place @returns {string[]}
 */
export function placeWords(bench, place) {
  const { scene, coordinates } = bench;
  if (scene && !scene.georeferenced) {
    const pixel = pixelAt(bench, place);
    return pixel ? [text.pixel(...pixel)] : [];
  }
  const words = [degrees(place.lat, place.lng)];
  const found = coordinates && coordinatesAt(coordinates, place);
  if (scene && found && scene.description.crs !== DEGREES) {
    const digits = Math.max(0, Math.ceil(-Math.log10(Math.hypot(...(scene.description.transform ?? []).slice(0, 2)))));
    words.push(`${crsName(scene.description.crs)}\u00a0 ${found.map((one) => number(one, digits)).join(",\u00a0")}`);
  }
  return words;
}

/**
 * Show where the pointer is, on every map.
 * @param {Workbench} bench
 */
export function readPointer(bench) {
  const shown = byId("coordinates");
  const scale = byId("scale");
  const line = h("span", { class: "scale-bar" });
  const label = h("span", {});
  scale.append(line, label);
  const show = eachFrame((/** @type {L.LatLng} */ place) => {
    fill(shown, ...placeWords(bench, place).map((words) => h("span", {}, words)));
  });
  const draw = () => {
    const { map } = bench.first;
    const { width, words } = scaleOf(map, bench.scene);
    line.style.width = `${width}px`;
    label.textContent = words;
    if (bench.scene) show(map.getCenter());
    else fill(shown);
  };
  const bind = () => {
    for (const { map } of bench.stages) {
      map.off("mousemove", pointed).on("mousemove", pointed);
      map.off("moveend zoomend resize", draw).on("moveend zoomend resize", draw);
    }
    draw();
  };
  const pointed = (/** @type {L.LeafletMouseEvent} */ event) => show(event.latlng);
  bench.addEventListener("stage", bind);
  bench.addEventListener("scene", draw);
  bench.addEventListener("coordinates", draw);
  bind();
}

/**
 * A bar of a round length at the middle of the map.
 * @param {L.Map} map @param {Scene | null} scene
 */
export function scaleOf(map, scene) {
  const { x, y } = map.getSize();
  const ends = [map.containerPointToLatLng([x / 2, y / 2]), map.containerPointToLatLng([x / 2 + SCALE_WIDTH, y / 2])];
  const [from, to] = /** @type {[L.LatLng, L.LatLng]} */ (ends);
  const flat = scene !== null && !scene.georeferenced;
  const most = flat ? (to.lng - from.lng) * 2 ** imageZoom(scene) : map.distance(from, to);
  const power = 10 ** Math.floor(Math.log10(most));
  const nice = (NICE.find((one) => one * power <= most) ?? 1) * power;
  return { width: (SCALE_WIDTH * nice) / most, words: flat ? `${number(nice)} ${TEXT.measure.pixels}` : round(nice) };
}

/**
 * How large a popup may be, and where it must lie so that nothing that floats over the map covers it.
 * @param {L.Point} size of the map @returns {L.PopupOptions}
 */
const clearOf = ({ x, y }) => ({
  minWidth: 180,
  maxWidth: Math.min(WIDEST, x - LEFT - RIGHT - FRAME),
  maxHeight: y - TOP - BOTTOM - TAIL,
  autoPanPaddingTopLeft: [LEFT, TOP],
  autoPanPaddingBottomRight: [RIGHT, BOTTOM],
});

/**
 * Read the values of the pixel that is clicked, or of the middle when Enter is pressed on the map.
 * @param {Workbench} bench
 * @param {() => boolean} isFree whether a click is for reading
 */
export function readPixels(bench, isFree) {
  /** @type {L.Popup | null} */
  let popup = null;
  let asking = new AbortController();

  /** @param {Stage} stage @param {L.LatLng} place */
  const read = async (stage, place) => {
    const { scene } = bench;
    asking.abort();
    asking = new AbortController();
    popup?.remove();
    if (!scene) return;
    const { signal } = asking;
    const body = h("div", { class: "pixel" }, h("p", { class: "loading" }, "…"));
    popup = L.popup(clearOf(stage.map.getSize())).setLatLng(place).setContent(body);
    popup.openOn(stage.map);
    const close = stage.element.querySelector(".leaflet-popup-close-button");
    close?.setAttribute("aria-label", TEXT.close);
    const rows = await Promise.all(
      bench.available.map(async (name) => {
        const served = bench.served(name);
        if (!served) return [];
        return valuesAt(bench, name, served, place, signal).catch(() => null);
      }),
    );
    if (signal.aborted) return;
    const found = rows.filter((one) => one !== null).flat();
    const pixel = scene.georeferenced ? pixelAt(bench, place) : null;
    fill(
      body,
      h("p", { class: "pixel-place" }, ...placeWords(bench, place).map((words) => h("span", {}, words)), pixel ? h("span", {}, text.pixel(...pixel)) : null),
      found.length
        ? h("table", {}, h("tbody", {}, ...found.map(([label, value, colour]) => h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, swatch(colour), value)))))
        : h("p", {}, text.outside),
    );
    popup.update();
  };

  const bind = () => {
    for (const stage of bench.stages) {
      const { map } = stage;
      if (bound.has(map)) continue;
      bound.add(map);
      map.on("click", (event) => isFree() && void read(stage, event.latlng));
      stage.element.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || !isFree() || event.target !== stage.element) return;
        void read(stage, map.getCenter());
      });
    }
  };
  /** @type {WeakSet<L.Map>} */
  const bound = new WeakSet();
  bench.addEventListener("stage", bind);
  bench.addEventListener("scene", () => popup?.remove());
  bind();
}

/** @param {string | undefined} colour */
function swatch(colour) {
  if (!colour) return null;
  const made = h("span", { class: "swatch", "aria-hidden": "true" });
  made.style.background = colour;
  return made;
}

/** @typedef {[label: string, value: string, colour?: string]} Row */

/**
 * @param {Workbench} bench
 * @param {LayerName} name
 * @param {import("../types.js").ServedLayer} served
 * @param {L.LatLng} place
 * @param {AbortSignal} signal
 * @returns {Promise<Row[]>}
 */
async function valuesAt(bench, name, served, place, signal) {
  const { scene } = bench;
  const pixel = pixelAt(bench, place);
  if (!scene || (!scene.georeferenced && !pixel)) return [];
  const where = scene.georeferenced ? `${place.wrap().lng},${place.lat}` : (pixel ?? []).join(",");
  const { values } = await askJson(serviceUrl(`scenes/${scene.id}/${served}/point/${where}`, { job: bench.jobOf(name) }), { signal });
  const numbers = /** @type {(number | null)[]} */ (values);
  const missing = numbers.some((value) => value === null || !Number.isFinite(value));
  if (missing) return [[TEXT.layers[name], text.noData]];
  const known = /** @type {number[]} */ (numbers);
  if (name === "sar" || name === "despeckled") {
    const { unit } = scene.description;
    const bands = name === "sar" ? scene.description.polarisations : (bench.sources.get(name)?.bands ?? []);
    return known.map((value, index) => {
      const band = (bands[index] ?? "").replace("unknown", TEXT.layers.sar);
      return [name === "sar" ? band : text.despeckled(band), `${level(value, unit)} ${shownUnit(unit)}`.trim()];
    });
  }
  /** @type {(value: number | undefined) => Row} */
  const error = (value) => [text.expectedError, `±${number(value ?? 0)} ${text.of255}`];
  if (name === "error") return [error(known[0])];
  const colour = known.slice(0, 3);
  const label = bench.titleOf(name) + (served === "live" ? ` (${TEXT.layers.live})` : "");
  /** @type {Row} */
  const row = [label, colour.map((value) => number(value)).join(", "), `rgb(${colour.join(",")})`];
  return served === "live" && known.length > 3 ? [row, error(known[3])] : [row];
}
