// From a scene's layer to where its pixels come from: TileJSON for scenes on the map, pixels for the others.

import { serviceUrl, askJson } from "../service/api.js";

/** @typedef {import("../types.js").Scene} Scene */
/** @typedef {import("../types.js").ServedLayer} ServedLayer */
/** @typedef {import("../types.js").SarStyle} SarStyle */
/** @typedef {import("../types.js").Source} Source */

const TILE = 256;
const PREVIEW = 2048;

/** The zoom at which an image without georeference has its own pixels. @param {Scene} scene */
export const imageZoom = (scene) =>
  scene.image_maxzoom ??
  Math.max(0, Math.ceil(Math.log2(Math.max(scene.description.width, scene.description.height) / TILE)));

/** The corners of an image in Leaflet's plane, where one unit is one pixel at zoom 0. @param {Scene} scene */
export function imageBounds(scene) {
  const shrunk = 2 ** imageZoom(scene);
  return L.latLngBounds([-scene.description.height / shrunk, 0], [0, scene.description.width / shrunk]);
}

/** @param {Scene} scene */
export function boundsOf(scene) {
  if (!scene.georeferenced || !scene.bbox) return imageBounds(scene);
  const [west, south, east, north] = scene.bbox;
  return L.latLngBounds([south, west], [north, east < west ? east + 360 : east]);
}

/**
 * The radar's display as query of a tile's URL.
 * @param {SarStyle} style
 * @returns {Record<string, string>}
 */
export function styleQuery(style) {
  /** @type {Record<string, string>} */
  const query = {};
  if (style.band === "composite") query.composite = "true";
  else {
    if (style.band !== "1") query.bidx = style.band;
    if (style.colours !== "gray") query.colormap_name = style.colours;
    if (style.range) query.rescale = style.range.join(",");
  }
  return query;
}

/**
 * Ask where a layer's pixels are. Waits while the service prepares the layer.
 * @param {Scene} scene
 * @param {ServedLayer} layer
 * @param {SarStyle} style
 * @param {AbortSignal} signal
 * @param {string | null} job whose result is meant, null for the newest
 * @returns {Promise<Source>}
 */
export async function sourceOf(scene, layer, style, signal, job) {
  const place = scene.georeferenced ? onMap : inPixels;
  /** @type {Record<string, string>} */
  const made = job ? { job } : {};
  if (layer !== "despeckled") return place(scene, layer, layer === "sar" ? styleQuery(style) : made, signal);
  const plain = await place(scene, layer, made, signal);
  const query = styleQuery(styleFor(scene, plain.bands, style));
  return Object.keys(query).length ? place(scene, layer, { ...query, ...made }, signal) : plain;
}

/**
 * The radar's display for a layer of these bands, which may be fewer than the scene's: the same polarisation, else the
 * first that there is, in its own range.
 * @param {Scene} scene
 * @param {string[]} bands
 * @param {SarStyle} style
 * @returns {SarStyle}
 */
export function styleFor(scene, bands, style) {
  const names = scene.description.polarisations;
  if (style.band === "composite") return bands.length > 1 ? style : { ...style, band: "1" };
  const index = bands.indexOf(names[Number(style.band) - 1] ?? "");
  return index < 0 ? { ...style, band: "1", range: null } : { ...style, band: String(index + 1) };
}

/**
 * @param {Scene} scene
 * @param {ServedLayer} layer
 * @param {Record<string, string>} query
 * @param {AbortSignal} signal
 * @returns {Promise<Source>}
 */
async function onMap(scene, layer, query, signal) {
  const found = await askJson(serviceUrl(`scenes/${scene.id}/${layer}/tilejson.json`, query), { signal });
  const [west, south, east, north] = found.bounds;
  // Without a coarse picture there is no live colour of much of a large scene.
  const minZoom = layer === "live" && !found.sharp_minzoom ? found.minzoom : 0;
  return {
    served: layer,
    key: `${layer}|${minZoom}|${unsigned(found.tiles[0])}`,
    bands: found.bands ?? [],
    url: found.tiles[0],
    tiled: true,
    bounds: L.latLngBounds([south, west], [north, east < west ? east + 360 : east]),
    minZoom,
    sharpZoom: found.sharp_minzoom ?? 0,
    maxZoom: found.maxzoom,
    sharp: layer !== "live",
    title: found.description ?? "",
  };
}

/**
 * @param {Scene} scene
 * @param {ServedLayer} layer
 * @param {Record<string, string>} query
 * @param {AbortSignal} signal
 * @returns {Promise<Source>}
 */
async function inPixels(scene, layer, query, signal) {
  const tiled = scene.image_maxzoom !== undefined;
  const found = tiled
    ? await askJson(serviceUrl(`scenes/${scene.id}/${layer}/image/tilejson.json`, query), { signal })
    : null;
  const url = found
    ? found.tiles[0]
    : serviceUrl(`scenes/${scene.id}/${layer}/preview.png`, { ...query, max_size: PREVIEW });
  signal.throwIfAborted();
  return {
    served: layer,
    key: `${layer}|${unsigned(url)}`,
    bands: found?.bands ?? [],
    url,
    tiled,
    bounds: imageBounds(scene),
    minZoom: 0,
    sharpZoom: found?.sharp_minzoom ?? 0,
    maxZoom: imageZoom(scene),
    sharp: false,
    title: found?.description ?? "",
  };
}

/** The URL without what changes from hour to hour. @param {string} url */
const unsigned = (url) => url.replace(/[?&](expires|signature)=[^&]*/g, "");
