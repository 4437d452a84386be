// One map: the base below, and a scene's layers over it, each in a pane of its own that fades and is cut by itself.

import { ask } from "../service/api.js";
import { addBasemap, addGraticule, addLand } from "./base.js";
import { h } from "../dom.js";
import { TEXT } from "../texts.js";
import { Tiles } from "./tiles.js";

/** @typedef {import("../types.js").LayerName} LayerName */
/** @typedef {import("../types.js").ShownLayer} ShownLayer */
/** @typedef {import("../types.js").Side} Side */
/** @typedef {import("../types.js").Source} Source */
/** @typedef {import("../types.js").Basemap} Basemap */
/** @typedef {{key: string, layer: L.Layer, before: L.Layer[]}} Placed */

/** One pixel; a tile is a third of its PNG on radar, a tenth on colour, and the same to the eye (docs/adr/0024). */
const WEBP = "data:image/webp;base64,UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA";
const readsWebp = await decodes(WEBP);
const DEEPEST = 24;
const FADED = 350;
const PATIENCE = 15000;
const LOWEST_PANE = 300;

export class Stage {
  /**
   * @param {HTMLElement} host
   * @param {{georeferenced: boolean, basemap: Basemap | null, label: string}} options
   */
  constructor(host, { georeferenced, basemap, label }) {
    this.host = host;
    this.split = 0.5;
    /** @type {L.Layer | null} */
    this.below = null;
    /** @type {Map<LayerName, Placed>} */
    this.placed = new Map();
    /** @type {Map<LayerName, Side>} */
    this.sides = new Map();
    this.element = document.createElement("div");
    this.element.className = "leaflet-host";
    host.prepend(this.element);
    this.map = L.map(this.element, {
      crs: georeferenced ? L.CRS.EPSG3857 : L.CRS.Simple,
      center: georeferenced ? [20, 10] : [-100, 100],
      zoom: georeferenced ? 2 : 1,
      minZoom: georeferenced ? 2 : -2,
      maxZoom: DEEPEST,
      zoomControl: false,
      attributionControl: false,
      // Waiting for a second click would delay reading a pixel on a phone.
      maxBoundsViscosity: 1,
    });
    if (georeferenced) this.map.setMaxBounds([[-90, -540], [90, 540]]);
    this.element.setAttribute("role", "application");
    this.element.setAttribute("aria-label", label);
    this.element.setAttribute("aria-description", TEXT.map.useKeys);
    /** Called when tiles begin or end to be on their way. @type {() => void} */
    this.onBusy = () => undefined;
    /** @type {() => void} */
    this.restyle = () => undefined;
    if (georeferenced) {
      void addLand(this.map).then((restyle) => (this.restyle = restyle), () => undefined);
      addGraticule(this.map);
      this.lieOn(basemap);
    }
    this.map.on("move viewreset resize zoomend", () => this.cutNow());
    this.map.on("zoomend", () => this.sharpen());
    this.resized = new ResizeObserver(() => this.map.invalidateSize({ animate: false }));
    this.resized.observe(host);
  }

  /** Lay a provider's tiles over the land, or none. @param {Basemap | null} basemap */
  lieOn(basemap) {
    this.below?.remove();
    this.below = basemap && this.map.options.crs === L.CRS.EPSG3857 ? addBasemap(this.map, basemap) : null;
  }

  /**
   * Show these layers, from the top down, and no others.
   * @param {ShownLayer[]} shown
   */
  show(shown) {
    const names = new Set(shown.map(({ name }) => name));
    for (const [name, { layer, before }] of this.placed) {
      if (names.has(name)) continue;
      for (const one of [layer, ...before]) one.remove();
      this.placed.delete(name);
      this.onBusy();
    }
    this.sides.clear();
    shown.forEach(({ name, source, opacity, side }, index) => {
      const pane = this.pane(name);
      pane.style.zIndex = String(LOWEST_PANE + shown.length - index);
      pane.style.opacity = String(opacity);
      this.sides.set(name, side);
      this.place(name, source);
    });
    this.cutNow();
    this.sharpen();
  }

  /** @param {LayerName} name */
  pane(name) {
    return this.map.getPane(`scene-${name}`) ?? this.map.createPane(`scene-${name}`);
  }

  /**
   * Put a source into its pane; what was there stays until the new one is drawn, so that nothing flashes.
   * @param {LayerName} name
   * @param {Source} source
   */
  place(name, source) {
    const current = this.placed.get(name);
    if (current?.key === source.key) {
      // The same pixels, perhaps at a URL that is signed anew.
      if (current.layer instanceof Tiles) current.layer.template = tileUrl(source);
      return;
    }
    const layer = source.tiled ? tiles(source, `scene-${name}`) : picture(source, `scene-${name}`);
    const before = current ? [...current.before, current.layer] : [];
    const placed = { key: source.key, layer, before };
    this.placed.set(name, placed);
    const removeBefore = () => {
      for (const one of placed.before) one.remove();
      placed.before = [];
      this.onBusy();
    };
    layer.on("loading load", () => this.onBusy());
    layer.once("load", () => setTimeout(removeBefore, FADED));
    setTimeout(removeBefore, PATIENCE);
    layer.addTo(this.map);
  }

  /** Cut the panes at the divider. */
  cutNow() {
    const size = this.map.getSize();
    const { x: left, y: top } = this.map.containerPointToLayerPoint([0, 0]);
    const { x: right, y: bottom } = this.map.containerPointToLayerPoint(size);
    const middle = left + size.x * this.split;
    for (const [name, side] of this.sides) {
      const from = side === "right" ? middle : left;
      const to = side === "left" ? middle : right;
      this.pane(name).style.clipPath =
        side === "all"
          ? ""
          : `polygon(${from}px ${top}px, ${to}px ${top}px, ${to}px ${bottom}px, ${from}px ${bottom}px)`;
    }
  }

  /** Show single pixels as squares once they are large. */
  sharpen() {
    for (const [name, { layer }] of this.placed) {
      const { maxNativeZoom: native = DEEPEST } = /** @type {L.GridLayerOptions} */ (layer.options);
      this.pane(name).classList.toggle("pixels", this.map.getZoom() > native + 1);
    }
  }

  /** Whether tiles are on their way. */
  get busy() {
    return [...this.placed.values()].some(({ layer }) => layer instanceof Tiles && layer.isLoading());
  }

  /** Whether what was shown before is still under what is shown now. */
  get changing() {
    return [...this.placed.values()].some(({ before }) => before.length > 0);
  }

  /** Whether no tile was given up. */
  get whole() {
    return [...this.placed.values()].every(({ layer }) => !(layer instanceof Tiles) || layer.missing.size === 0);
  }

  remove() {
    this.resized.disconnect();
    this.map.remove();
    this.element.remove();
  }
}

/** The URL of tiles as fine as the screen, and as small as the browser can read. @param {Source} source */
function tileUrl({ sharp, url }) {
  const small = readsWebp ? url.replace("{y}.png", "{y}.webp") : url;
  return sharp && window.devicePixelRatio > 1.2 ? small.replace("{y}", "{y}@2x") : small;
}

/** @param {Source} source @param {string} pane */
function tiles(source, pane) {
  return new Tiles(tileUrl(source), {
    pane,
    bounds: source.bounds,
    minZoom: source.minZoom,
    maxZoom: DEEPEST,
    maxNativeZoom: source.maxZoom,
    minNativeZoom: source.minZoom,
    keepBuffer: 1,
    updateWhenZooming: false,
  });
}

/** @param {Source} source @param {string} pane */
function picture(source, pane) {
  const overlay = L.imageOverlay("data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==", source.bounds, { pane });
  void ask(source.url)
    .then((answer) => answer.blob())
    .then((blob) => overlay.setUrl(URL.createObjectURL(blob)), () => overlay.fire("error"));
  return overlay;
}

/**
 * Let two maps move as one, and show the pointer on both; gives a function that parts them again.
 * @param {L.Map} first
 * @param {L.Map} second
 */
export function couple(first, second) {
  let following = false;
  /** @param {L.Map} other @param {L.LatLng} center @param {number} zoom @param {boolean} animate */
  const follow = (other, center, zoom, animate) => {
    if (following) return;
    following = true;
    other.setView(center, zoom, { animate });
    following = false;
  };
  /** @param {L.Map} map @param {L.Map} other */
  const bind = (map, other) => {
    const twin = h("div", { class: "twin", "aria-hidden": "true", hidden: true });
    other.getContainer().append(twin);
    const pointed = (/** @type {L.LeafletMouseEvent} */ { containerPoint: { x, y } }) => {
      twin.hidden = false;
      twin.style.transform = `translate(${x}px, ${y}px)`;
    };
    const left = () => {
      twin.hidden = true;
    };
    map.on("mousemove", pointed);
    map.on("mouseout", left);
    const moved = () => follow(other, map.getCenter(), map.getZoom(), false);
    const zooming = (/** @type {L.ZoomAnimEvent} */ { center, zoom }) => follow(other, center, zoom, true);
    map.on("move", moved);
    map.on("zoomanim", zooming);
    return () => {
      map.off("move", moved);
      map.off("zoomanim", zooming);
      map.off("mousemove", pointed);
      map.off("mouseout", left);
      twin.remove();
    };
  };
  second.setView(first.getCenter(), first.getZoom(), { animate: false });
  const undo = [bind(first, second), bind(second, first)];
  return () => undo.forEach((one) => one());
}

/** Whether the browser can read a picture. @param {string} src */
async function decodes(src) {
  const image = new Image();
  image.src = src;
  return image.decode().then(() => true, () => false);
}
