// Measuring on the map: the length of a line, the area of a polygon; on the sphere, or in pixels of an image.

import { button, byId, fill, h } from "../dom.js";
import { imageZoom } from "./sources.js";
import { TEXT } from "../texts.js";
import { area, length, number } from "../units.js";

/** @typedef {import("../scenestate.js").Workbench} Workbench */
/** @typedef {"distance" | "area"} Kind */

const text = TEXT.measure;
const RADIUS = 6371008.8;

/** Square metres inside a ring on the sphere, by the spherical excess of its edges. @param {L.LatLng[]} ring */
export function sphericalArea(ring) {
  const radians = (/** @type {number} */ degrees) => (degrees * Math.PI) / 180;
  let sum = 0;
  ring.forEach((point, index) => {
    const next = ring[(index + 1) % ring.length] ?? point;
    sum += radians(next.lng - point.lng) * (2 + Math.sin(radians(point.lat)) + Math.sin(radians(next.lat)));
  });
  return Math.abs((sum * RADIUS * RADIUS) / 2);
}

/** @param {L.LatLng[]} ring */
function flatArea(ring) {
  let sum = 0;
  ring.forEach((point, index) => {
    const next = ring[(index + 1) % ring.length] ?? point;
    sum += point.lng * next.lat - next.lng * point.lat;
  });
  return Math.abs(sum) / 2;
}

/** @param {Workbench} bench */
export function makeMeasure(bench) {
  const panel = byId("measure");
  const result = h("output", { class: "measured" });
  /** @type {L.LatLng[]} */
  let points = [];
  /** @type {Kind} */
  let kind = "distance";
  let on = false;
  let ended = false;
  /** @type {L.LayerGroup} */
  let drawn = L.layerGroup();

  const kinds = /** @type {Kind[]} */ (["distance", "area"]).map((one) =>
    h("button", { type: "button", class: "segment", "data-kind": one, onclick: () => choose(one) }, h("span", {}, text[one])),
  );
  fill(
    panel,
    h("div", { class: "segments", role: "group", "aria-label": text.title }, ...kinds),
    result,
    h("p", { class: "hint-text" }, text.hint),
    h("div", { class: "buttons" },
      button({ label: text.clear, kind: "small", onclick: () => clear() }),
      button({ label: TEXT.close, kind: "small", onclick: () => toggle(false) })),
  );

  /** @param {L.LatLng} [pointer] */
  const draw = (pointer) => {
    const line = pointer && !ended ? [...points, pointer] : points;
    drawn.clearLayers();
    if (line.length > 1) {
      const style = { className: kind === "area" ? "measure-area" : "measure-line", interactive: false };
      drawn.addLayer(kind === "area" ? L.polygon(line, style) : L.polyline(line, style));
    }
    for (const point of points) drawn.addLayer(L.circleMarker(point, { radius: 4, className: "measure-point", interactive: false }));
    result.textContent = words(line);
  };

  /** @param {L.LatLng[]} line */
  const words = (line) => {
    const { scene } = bench;
    const flat = scene && !scene.georeferenced;
    const shrunk = flat ? 2 ** imageZoom(scene) : 1;
    const ring = kind === "area" ? [...line, ...line.slice(0, 1)] : line;
    let around = 0;
    ring.forEach((point, index) => {
      const before = ring[index - 1];
      if (before) around += bench.first.map.distance(before, point) * shrunk;
    });
    const long = flat ? `${number(around, 1)} ${text.pixels}` : length(around);
    if (kind === "distance") return line.length > 1 ? long : "";
    if (line.length < 3) return "";
    const inside = flat ? `${number(flatArea(line) * shrunk ** 2)} ${text.pixels}²` : area(sphericalArea(line));
    return `${inside} · ${long} ${text.perimeter}`;
  };

  /** @param {L.LatLng} place */
  const add = (place) => {
    if (ended) {
      points = [];
      ended = false;
    }
    points.push(place);
    draw();
  };

  const end = () => {
    ended = points.length > 1;
    draw();
  };

  const clear = () => {
    points = [];
    ended = false;
    draw();
  };

  /** @param {Kind} one */
  const choose = (one) => {
    kind = one;
    for (const segment of kinds) segment.setAttribute("aria-pressed", String(segment.dataset.kind === one));
    draw();
  };

  /** @param {boolean} [wanted] */
  const toggle = (wanted = !on) => {
    on = wanted;
    panel.hidden = !on;
    byId("tool-measure").setAttribute("aria-pressed", String(on));
    byId("stage").classList.toggle("measuring", on);
    for (const { map } of bench.stages) {
      if (on) map.doubleClickZoom.disable();
      else map.doubleClickZoom.enable();
    }
    if (on) bench.first.element.focus({ preventScroll: true });
    else clear();
  };

  const bind = () => {
    points = [];
    drawn.remove();
    drawn = L.layerGroup().addTo(bench.first.map);
    for (const { map, element } of bench.stages) {
      if (bound.has(map)) continue;
      bound.add(map);
      map.on("click", ({ latlng, originalEvent }) => on && originalEvent.detail < 2 && add(latlng));
      map.on("dblclick", () => on && end());
      map.on("mousemove", ({ latlng }) => on && points.length && !ended && draw(latlng));
      element.addEventListener("keydown", (event) => {
        if (on && event.key === "Enter" && event.target === element) add(map.getCenter());
      });
    }
  };
  /** @type {WeakSet<L.Map>} */
  const bound = new WeakSet();
  bench.addEventListener("stage", bind);
  bench.addEventListener("scene", clear);
  bind();
  choose("distance");
  return {
    toggle,
    isOn: () => on,
    /** End the line, or else the measuring. */
    escape: () => {
      if (!on) return false;
      if (points.length && !ended) end();
      else toggle(false);
      return true;
    },
  };
}
