// The view as code: the layer that is meant, at this very place, for the programs that people use beside the page.

import { imageZoom } from "../map/sources.js";
import { serviceUrl } from "../service/api.js";

/** @typedef {import("../types.js").LayerName} LayerName */
/** @typedef {import("../types.js").Source} Source */
/** @typedef {import("../scenestate.js").Workbench} Workbench */

export const TOOLS = ["curl", "Python", "QGIS", "Leaflet", "MapLibre", "leafmap"];
const MOST = 2048;
const PLACES = 6;

/** A text in quotes, for JavaScript and Python alike. @param {string} text */
const quoted = (text) => JSON.stringify(text);
/** A text in quotes that maps of the web take for HTML. @param {string} text */
const markup = (text) => quoted(text.replaceAll("&", "&amp;").replaceAll("<", "&lt;"));
/** @param {number} value */
const short = (value) => String(Number(value.toFixed(PLACES)));

/**
 * @param {string} tool one of TOOLS
 * @param {Workbench} bench
 * @param {LayerName} name
 * @returns {string}
 */
export function snippet(tool, bench, name) {
  const source = bench.sources.get(name);
  if (!source || !bench.scene) return "";
  const title = `${bench.scene.name} (${bench.titleOf(name)})`;
  if (tool === "curl") return `curl -o view.png '${pictureOf(bench, source, "png")}'`;
  if (tool === "Python") return python(pictureOf(bench, source, "tif"));
  const { map } = bench.first;
  const { lat, lng } = map.getCenter().wrap();
  const { url, title: credit, maxZoom, bounds } = source;
  const box = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map(short).join(", ");
  const here = { lat: short(lat), lng: short(lng), zoom: map.getZoom() };
  if (tool === "QGIS") return qgis(url, title, maxZoom, map.getBounds());
  if (tool === "Leaflet") {
    return [
      `const map = L.map("map").setView([${here.lat}, ${here.lng}], ${here.zoom});`,
      `L.tileLayer(${quoted(url)}, {`,
      `  attribution: ${markup(credit)},`,
      `  maxNativeZoom: ${maxZoom},`,
      `}).addTo(map);`,
    ].join("\n");
  }
  if (tool === "MapLibre") {
    return [
      `const map = new maplibregl.Map({`,
      `  container: "map",`,
      `  center: [${here.lng}, ${here.lat}],`,
      `  zoom: ${here.zoom - 1},`,
      `  style: {`,
      `    version: 8,`,
      `    sources: {`,
      `      scene: {`,
      `        type: "raster",`,
      `        tiles: [${quoted(url)}],`,
      `        tileSize: 256,`,
      `        maxzoom: ${maxZoom},`,
      `        bounds: [${box}],`,
      `        attribution: ${markup(credit)},`,
      `      },`,
      `    },`,
      `    layers: [{ id: "scene", type: "raster", source: "scene" }],`,
      `  },`,
      `});`,
    ].join("\n");
  }
  return [
    `import leafmap.foliumap as leafmap`,
    ``,
    `m = leafmap.Map(center=[${here.lat}, ${here.lng}], zoom=${here.zoom})`,
    `m.add_tile_layer(${quoted(url)}, name=${markup(title)}, attribution=${markup(credit)}, max_native_zoom=${maxZoom}, max_zoom=24)`,
    `m`,
  ].join("\n");
}

/** @param {string} url */
const python = (url) =>
  [
    `from urllib.request import urlopen`,
    ``,
    `import rasterio`,
    ``,
    `with urlopen(${quoted(url)}) as answer, rasterio.MemoryFile(answer.read()) as memory:`,
    `    with memory.open() as dataset:`,
    `        values = dataset.read(masked=True)`,
    `        print(dataset.crs, dataset.bounds, values.shape)`,
  ].join("\n");

/** @param {string} url @param {string} title @param {number} maxZoom @param {L.LatLngBounds} box */
function qgis(url, title, maxZoom, box) {
  const uri = `type=xyz&url=${encodeURIComponent(url).replace(/%7B/g, "{").replace(/%7D/g, "}")}&zmin=0&zmax=${maxZoom}`;
  const [west, south, east, north] = [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()].map(short);
  return [
    `from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsProject, QgsRasterLayer, QgsRectangle`,
    ``,
    `layer = QgsRasterLayer(${quoted(uri)}, ${quoted(title)}, "wms")`,
    `project = QgsProject.instance()`,
    `project.addMapLayer(layer)`,
    `degrees = QgsCoordinateReferenceSystem("EPSG:4326")`,
    `canvas = iface.mapCanvas()`,
    `canvas.setDestinationCrs(layer.crs())`,
    `canvas.setExtent(QgsCoordinateTransform(degrees, layer.crs(), project).transformBoundingBox(QgsRectangle(${west}, ${south}, ${east}, ${north})))`,
    `canvas.refresh()`,
  ].join("\n");
}

/**
 * The URL of what is seen of a layer, as a picture or, as `tif`, as values.
 * @param {Workbench} bench @param {Source} source @param {"png" | "tif"} kind
 */
function pictureOf({ scene, first, georeferenced }, { served, url }, kind) {
  const query = Object.fromEntries(new URL(url).searchParams);
  delete query.v;
  if (kind === "tif") ["rescale", "colormap_name", "composite"].forEach((name) => delete query[name]);
  const size = first.map.getSize();
  const shrunk = Math.min(1, MOST / Math.max(size.x, size.y));
  const [width, height] = [Math.round(size.x * shrunk), Math.round(size.y * shrunk)];
  const box = first.map.getBounds();
  const sides = [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()];
  const layer = `scenes/${scene?.id}/${served}`;
  if (georeferenced) return serviceUrl(`${layer}/bbox/${sides.map(short).join(",")}/${width}x${height}.${kind}`, query);
  const grown = scene ? 2 ** imageZoom(scene) : 1;
  const [left = 0, bottom = 0, right = 0, top = 0] = sides.map((side) => Math.round(side * grown));
  return serviceUrl(`${layer}/crop.${kind}`, { ...query, bbox: [left, -top, right, -bottom].join(","), max_size: MOST });
}
