// What is looked at and how: defaults, and the permalink that holds all of it.

/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").LayerName} LayerName */
/** @typedef {import("./types.js").Mode} Mode */

/** @type {readonly LayerName[]} */
export const LAYERS = ["reference", "error", "optical", "other", "despeckled", "sar"];
/** @type {readonly Mode[]} */
export const MODES = ["stack", "swipe", "side"];

const NAME = /^\w+$/;
const LAYER = /^(-?)(\w+):(\d+)$/;

/** @returns {View} */
export function freshView() {
  return {
    scene: null,
    place: null,
    mode: "stack",
    left: "sar",
    right: "optical",
    split: 0.5,
    result: null,
    other: null,
    order: [...LAYERS],
    layers: {
      sar: { visible: true, opacity: 1 },
      despeckled: { visible: false, opacity: 1 },
      optical: { visible: true, opacity: 1 },
      other: { visible: false, opacity: 1 },
      error: { visible: false, opacity: 0.8 },
      reference: { visible: false, opacity: 1 },
    },
    sar: { band: "1", range: null, colours: "gray" },
  };
}

/**
 * Write the view as the part of a URL behind #.
 * @param {View} view
 */
export function encode(view) {
  if (!view.scene) return "";
  const parts = new URLSearchParams();
  parts.set("scene", view.scene);
  if (view.place) {
    const [latitude, longitude, zoom] = view.place;
    parts.set("at", [latitude.toFixed(6), longitude.toFixed(6), zoom.toFixed(2)].join(","));
  }
  parts.set(
    "layers",
    view.order
      .filter((name) => name !== "other" || view.other)
      .map((name) => `${view.layers[name].visible ? "" : "-"}${name}:${Math.round(100 * view.layers[name].opacity)}`)
      .join(","),
  );
  if (view.mode !== "stack") {
    parts.set("compare", [view.mode, view.left, view.right, Math.round(1000 * view.split) / 10].join(","));
  }
  if (view.result || view.other) parts.set("results", `${view.result ?? ""},${view.other ?? ""}`);
  const { band, range, colours } = view.sar;
  if (band !== "1" || range || colours !== "gray") {
    parts.set("radar", [band, colours, ...(range ?? [])].join(","));
  }
  return parts.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
}

/**
 * Read a permalink; what is not understood has its default.
 * @param {string} hash
 * @returns {View}
 */
export function decode(hash) {
  const view = freshView();
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  view.scene = NAME.exec(parts.get("scene") ?? "")?.[0] ?? null;
  const place = (parts.get("at") ?? "").split(",").map(Number);
  if (place.length === 3 && place.every(Number.isFinite)) view.place = /** @type {[number, number, number]} */ (place);
  const named = (parts.get("layers") ?? "").split(",").map((text) => LAYER.exec(text));
  /** @type {LayerName[]} */
  const order = [];
  for (const found of named) {
    const name = LAYERS.find((one) => one === found?.[2]);
    if (!found || !name || order.includes(name)) continue;
    order.push(name);
    view.layers[name] = { visible: found[1] !== "-", opacity: Math.min(1, Number(found[3]) / 100) };
  }
  if (order.length) view.order = completed(order);
  const [mode, left, right, split] = (parts.get("compare") ?? "").split(",");
  view.mode = MODES.find((one) => one === mode) ?? "stack";
  view.left = LAYERS.find((one) => one === left) ?? view.left;
  view.right = LAYERS.find((one) => one === right) ?? view.right;
  if (split && Number.isFinite(Number(split))) view.split = Math.min(1, Math.max(0, Number(split) / 100));
  const [result, other] = (parts.get("results") ?? "").split(",").map((one) => (NAME.test(one) ? one : null));
  Object.assign(view, { result: result ?? null, other: other ?? null });
  const [band, colours, low, high] = (parts.get("radar") ?? "").split(",");
  if (band && /^(\d|composite)$/.test(band)) view.sar.band = band;
  if (colours && /^\w+$/.test(colours)) view.sar.colours = colours;
  if (low && high && Number(low) < Number(high)) view.sar.range = [Number(low), Number(high)];
  return view;
}

/**
 * Put the layers that an older link does not name where they usually lie: over the next one that it names.
 * @param {LayerName[]} order
 * @returns {LayerName[]}
 */
function completed(order) {
  const all = [...order];
  for (const name of [...LAYERS].reverse()) {
    if (all.includes(name)) continue;
    const below = LAYERS.slice(LAYERS.indexOf(name) + 1).find((one) => all.includes(one));
    all.splice(below ? all.indexOf(below) : all.length, 0, name);
  }
  return all;
}
