// Which layers are drawn, where: those that are on, and not wholly under another.

/** @typedef {import("../types.js").LayerName} LayerName */
/** @typedef {import("../types.js").ShownLayer} ShownLayer */
/** @typedef {import("../types.js").Side} Side */
/** @typedef {import("../types.js").Source} Source */
/** @typedef {import("../types.js").View} View */
/** @typedef {import("../types.js").Scene} Scene */
/** @typedef {import("../types.js").ServedLayer} ServedLayer */

/**
 * What decides which layers are drawn, of what the page knows.
 * @typedef {object} Workbench
 * @property {Scene | null} scene
 * @property {View} view
 * @property {Map<LayerName, Source>} sources
 * @property {LayerName[]} available layers that are there, from the top down
 * @property {(name: LayerName) => ServedLayer | null} served
 * @property {Set<LayerName>} awaited layers whose size is not known yet
 * @property {boolean} flickering
 * @property {boolean} flickered
 * @property {boolean} tooFarForLive
 */

/** Share of a layer's size by which one that covers it may be smaller: grids of other pixels end elsewhere. */
const SLACK = 0.002;

/**
 * What is drawn on each map, from the top down.
 * @param {Workbench} bench
 * @returns {ShownLayer[][]}
 */
export function drawnBy(bench) {
  const { view, flickering } = bench;
  if (!bench.scene || view.mode === "stack") return [overlaid(bench)];
  const [left, right] = flickering ? [view.right, view.left] : [view.left, view.right];
  const [one, two] = [shown(bench, left, "left"), shown(bench, right, "right")];
  if (view.mode === "swipe") return [left === right ? shown(bench, left, "all") : [...one, ...two]];
  return [one, two].map((half) => half.map((layer) => ({ ...layer, side: "all" })));
}

/**
 * What lies wholly under a layer that hides it is not drawn, and so not fetched; until it is known how large an upper
 * layer is, what is below it waits. Live colour hides nothing: it comes slowly, and the radar is seen until then.
 * @param {Workbench} bench
 * @returns {ShownLayer[]}
 */
function overlaid(bench) {
  const { view } = bench;
  /** @type {ShownLayer[]} */
  const drawn = [];
  for (const name of bench.available) {
    const { visible, opacity } = view.layers[name];
    if (!visible) continue;
    const opaque = opacity === 1 && bench.served(name) !== "live" && !bench.flickered;
    if (opaque && bench.awaited.has(name)) break;
    for (const layer of shown(bench, name, "all")) {
      if (!drawn.some((upper) => upper.opacity === 1 && hides(upper.source, layer.source)) || bench.flickered) drawn.push(layer);
    }
  }
  if (bench.flickering && drawn[0]) drawn[0].opacity = 0;
  return drawn;
}

/** @param {Workbench} bench @param {LayerName} name @param {Side} side @returns {ShownLayer[]} */
function shown(bench, name, side) {
  const source = bench.sources.get(name);
  return source && bench.served(name) ? [{ name, source, opacity: bench.view.layers[name].opacity, side }] : [];
}

/** @param {Source} upper @param {Source} lower */
const hides = (upper, lower) => upper.served !== "live" && upper.bounds.pad(SLACK).contains(lower.bounds);

/**
 * Names of the layers of which pixels are seen now.
 * @param {Workbench} bench
 * @returns {LayerName[]}
 */
export function seenBy(bench) {
  const { mode, split } = bench.view;
  const gone = { left: mode === "swipe" && split === 0, right: mode === "swipe" && split === 1, all: false };
  const names = drawnBy(bench).flat().filter(({ opacity, side }) => opacity > 0 && !gone[side]).map(({ name }) => name);
  return [...new Set(names)].filter((name) => !(name === "optical" && bench.tooFarForLive));
}

/** Whether live colour is seen, in its coarse picture. @param {Workbench & {first: {map: L.Map}, seen: LayerName[]}} bench */
export function isCoarse(bench) {
  const source = bench.sources.get("optical");
  return source?.served === "live" && bench.first.map.getZoom() < source.sharpZoom && bench.seen.includes("optical");
}
