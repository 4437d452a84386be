// Finding a place: by coordinates in any usual spelling, by a scene's own grid, or by name where there is a geocoder.

import { button, byId, fill, h } from "../dom.js";
import { pairOf, placeOf, placeOfGrid } from "../map/places.js";
import { imageZoom } from "../map/sources.js";
import { serviceUrl, askJson, wordsOf } from "../service/api.js";
import { TEXT } from "../texts.js";
import { degrees } from "../units.js";

/** @typedef {import("../scenestate.js").Workbench} Workbench */
/** @typedef {{name: string, longitude: number, latitude: number, bbox?: [number, number, number, number]}} Found */

const text = TEXT.find;
const CLOSE = 13;

/** @param {Workbench} bench */
export function makeFind(bench) {
  const panel = byId("find");
  const named = bench.settings.geocoder;
  const input = h("input", { type: "search", class: "field", maxlength: 200, autocomplete: "off", placeholder: named ? text.byName : text.byCoordinates, "aria-label": text.title, "aria-describedby": "find-told" });
  const told = h("p", { class: "hint-text", role: "status", id: "find-told" }, text.hint);
  const list = h("ul", { class: "found" });
  const form = h("form", {}, input, h("div", { class: "buttons" },
    h("button", { class: "button small primary" }, text.go),
    button({ label: TEXT.close, kind: "small", onclick: () => toggle(false) })));
  fill(panel, form, told, list);
  let marker = L.layerGroup();

  /** @param {L.LatLng} place @param {string} words @param {Found["bbox"]} [box] */
  const go = (place, words, box) => {
    const { map } = bench.first;
    marker.remove();
    marker = L.layerGroup([L.circleMarker(place, { radius: 8, className: "found-point", interactive: false })]).addTo(map);
    if (box) map.fitBounds([[box[1], box[0]], [box[3], box[2] < box[0] ? box[2] + 360 : box[2]]], { maxZoom: CLOSE, animate: false });
    else map.setView(place, Math.max(map.getZoom(), bench.georeferenced ? CLOSE : map.getZoom()), { animate: false });
    told.textContent = words;
  };

  /** @param {string} written @returns {L.LatLng | null} */
  const understood = (written) => {
    const { scene, coordinates, georeferenced } = bench;
    const pair = pairOf(written);
    if (!georeferenced) return pair && scene ? L.latLng(-pair[1] / 2 ** imageZoom(scene), pair[0] / 2 ** imageZoom(scene)) : null;
    const place = placeOf(written);
    if (place) return L.latLng(...place);
    return pair && coordinates ? placeOfGrid(coordinates, pair) : null;
  };

  const look = async () => {
    const written = input.value.trim();
    if (!written) return;
    fill(list);
    const place = understood(written);
    if (place) return go(place, bench.georeferenced ? degrees(place.lat, place.lng) : written);
    if (!named || !bench.georeferenced || !/\p{L}/u.test(written)) return void (told.textContent = text.notUnderstood);
    told.textContent = text.looking;
    try {
      const { places } = /** @type {{places: Found[]}} */ (await askJson(serviceUrl("places", { q: written })));
      told.textContent = places.length ? text.choose : text.nothing;
      fill(list, ...places.map((one) => h("li", {}, button({ label: one.name, kind: "small", onclick: () => go(L.latLng(one.latitude, one.longitude), one.name, one.bbox) }))));
    } catch (error) {
      told.textContent = wordsOf(error);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void look();
  });

  const toggle = (wanted = panel.hidden) => {
    panel.hidden = !wanted;
    byId("tool-find").setAttribute("aria-pressed", String(wanted));
    if (wanted) input.focus();
    else marker.remove();
  };
  bench.addEventListener("stage", () => marker.remove());
  return { toggle, escape: () => !panel.hidden && toggle(false) };
}
