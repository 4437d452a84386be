// The base map that ships with the page: land, and a graticule with degrees; or a provider's tiles over it.

import { serviceUrl } from "../service/api.js";
import { wrapped } from "./coordinates.js";
import { h } from "../dom.js";
import { hemispheres } from "../language.js";
import { colourOf } from "../theme.js";
import { number } from "../units.js";

/** @typedef {import("../types.js").Basemap} Basemap */

const LINES = 7;
/** So near to a corner, labels would lie over one another. */
const CORNER = 44;
const SETTING = "geosar-basemap";
/** Deepest zoom at which the land is drawn: its coast lies up to eight kilometres off, some pixels there. */
const DEEPEST_LAND = 7;
const STEPS = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];

/** @type {Promise<L.LatLngExpression[][]> | null} */
let landOnce = null;

/** @returns {Promise<L.LatLngExpression[][]>} */
async function readLand() {
  const { steps, rings } = await (await fetch(serviceUrl("base/land.json"))).json();
  return rings.map((/** @type {number[]} */ differences) => {
    let x = 0;
    let y = 0;
    const points = [];
    for (let index = 0; index < differences.length; index += 2) {
      x += differences[index] ?? 0;
      y += differences[index + 1] ?? 0;
      points.push([y / steps, x / steps]);
    }
    return points;
  });
}

/**
 * Draw the land below everything; gives what draws it anew when light and dark change.
 * @param {L.Map} map
 */
export async function addLand(map) {
  const pane = map.createPane("land");
  pane.style.zIndex = "150";
  await far(map);
  landOnce ??= readLand();
  const rings = await landOnce;
  const colours = () => ({ color: colourOf("--coast"), fillColor: colourOf("--land") });
  const renderer = L.canvas({ pane: "land", padding: 0.3 });
  const land = L.polygon(
    rings.map((one) => [one]),
    { renderer, interactive: false, weight: 1, fillOpacity: 1, ...colours() },
  ).addTo(map);
  const show = () => {
    if (isFar(map)) land.addTo(map);
    else land.remove();
  };
  map.on("zoomend", show);
  show();
  return () => land.setStyle(colours());
}

/** Whether so much is seen that the land is right. @param {L.Map} map */
export const isFar = (map) => map.getZoom() <= DEEPEST_LAND;

/** The page is put together, and shows the place that it was opened at. */
const ready = new Promise((resolve) => document.addEventListener("ready", resolve, { once: true }));

/** Wait until the land is wanted: who opens a scene may never need it. @param {L.Map} map @returns {Promise<void>} */
const far = async (map) => {
  await ready;
  return new Promise((resolve) => {
    const look = () => {
      if (!isFar(map)) return;
      map.off("zoomend", look);
      resolve();
    };
    map.on("zoomend", look);
    look();
  });
};

/**
 * Draw lines of longitude and latitude with their degrees at the edges, anew whenever the map has moved.
 * @param {L.Map} map
 */
export function addGraticule(map) {
  const pane = map.createPane("graticule");
  pane.style.zIndex = "160";
  const lines = L.layerGroup([], { pane: "graticule" }).addTo(map);
  const labels = h("div", { class: "graticule-labels", "aria-hidden": "true" });
  map.getContainer().append(labels);

  const draw = () => {
    const bounds = map.getBounds();
    const span = Math.max(bounds.getEast() - bounds.getWest(), 2 * (bounds.getNorth() - bounds.getSouth()));
    const step = STEPS.findLast((one) => span / one < LINES) ?? 30;
    const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
    lines.clearLayers();
    labels.replaceChildren();
    const style = { pane: "graticule", interactive: false, weight: 1, className: "graticule-line" };
    const south = Math.max(-85, bounds.getSouth());
    const north = Math.min(85, bounds.getNorth());
    for (let x = Math.ceil(bounds.getWest() / step) * step; x <= bounds.getEast(); x += step) {
      lines.addLayer(L.polyline([[south, x], [north, x]], style));
      const turn = wrapped(x);
      label(map.latLngToContainerPoint([south, x]).x, null, `${number(Math.abs(turn), digits)}°${side(turn, hemispheres.east, hemispheres.west)}`);
    }
    for (let y = Math.ceil(south / step) * step; y <= north; y += step) {
      lines.addLayer(L.polyline([[y, bounds.getWest()], [y, bounds.getEast()]], style));
      label(null, map.latLngToContainerPoint([y, bounds.getWest()]).y, `${number(Math.abs(y), digits)}°${side(y, hemispheres.north, hemispheres.south)}`);
    }
  };

  /** @param {number | null} x @param {number | null} y @param {string} text */
  const label = (x, y, text) => {
    const { x: width, y: height } = map.getSize();
    if ((x ?? CORNER) < CORNER || (x ?? 0) > width - CORNER || (y ?? CORNER) < CORNER || (y ?? 0) > height - CORNER) return;
    const made = h("span", { class: x === null ? "latitude" : "longitude" }, text);
    if (x !== null) made.style.left = `${Math.round(x)}px`;
    if (y !== null) made.style.top = `${Math.round(y)}px`;
    labels.append(made);
  };

  map.on("moveend resize", draw);
  map.on("movestart", () => labels.replaceChildren());
  draw();
}

/** @param {number} angle @param {string} above @param {string} below */
const side = (angle, above, below) => (Math.abs(angle) < 1e-9 ? "" : angle < 0 ? below : above);

/**
 * Lay a provider's tiles over the land.
 * @param {L.Map} map
 * @param {Basemap} basemap
 */
export function addBasemap(map, basemap) {
  const pane = map.getPane("basemap") ?? map.createPane("basemap");
  pane.style.zIndex = "170";
  return L.tileLayer(basemap.url, {
    pane: "basemap",
    maxNativeZoom: basemap.max_zoom,
    maxZoom: 24,
    subdomains: basemap.subdomains,
    crossOrigin: "anonymous",
  }).addTo(map);
}

/** The base map that was chosen here, else the operator's default. @param {import("../types.js").PageSettings} settings @returns {Basemap | null} */
export function chosenBasemap({ basemap, basemaps }) {
  const name = localStorage.getItem(SETTING);
  if (name === null) return basemap;
  return name ? (basemaps.find((one) => one.name === name) ?? basemap) : null;
}

/** Remember which base map was chosen, null for none. @param {Basemap | null} chosen */
export const keepBasemap = (chosen) => localStorage.setItem(SETTING, chosen?.name ?? "");

/**
 * Read a provider's credit, which may hold links, without letting any of it become markup of the page.
 * @param {string} html
 * @returns {Node[]}
 */
export function creditOf(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  return [...parsed.body.childNodes].map((node) => {
    const href = node instanceof Element ? (node.getAttribute("href") ?? "") : "";
    const text = node.textContent ?? "";
    return /^https?:\/\//.test(href)
      ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text)
      : document.createTextNode(text);
  });
}
