// The scene that is open, how it is looked at, and the one or two maps that show it.

import { serviceUrl, askJson, connection, pause, Problem, wordsOf } from "./service/api.js";
import { byId, settled } from "./dom.js";
import { drawnBy, seenBy } from "./map/seen.js";
import { chosenBasemap } from "./map/base.js";
import { boundsOf, sourceOf } from "./map/sources.js";
import { couple, Stage } from "./map/mapview.js";
import { makeDivider } from "./map/swipe.js";
import { resultsOf } from "./service/results.js";
import { TEXT } from "./texts.js";
import { freshView, LAYERS } from "./view.js";

/** @typedef {import("./types.js").LayerName} LayerName */
/** @typedef {import("./types.js").PageSettings} PageSettings */
/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("./types.js").Source} Source */
/** @typedef {import("./types.js").View} View */

const POLL = 1200;
const EXPIRED_SETTLES = 300;
const BUSY_SETTLES = 60;
const STYLE_SETTLES = 200;
const MARGIN = 24;
/** Longest that a picture waits for tiles. */
const REST = 90_000;
/** Layers that the radar's display is for. @type {readonly LayerName[]} */
const RADAR = ["sar", "despeckled"];
/** Layers that a job made. @type {readonly LayerName[]} */
const MADE = ["optical", "error", "despeckled"];

/**
 * Fires `scene` when another is open or this one has changed, `view` when it is looked at otherwise, `stage` for a new
 * map, `coordinates` when the scene's own are known, `results` when what was made of it is, `gone` when it was deleted.
 */
export class Workbench extends EventTarget {
  /** @param {PageSettings} settings */
  constructor(settings) {
    super();
    this.settings = settings;
    this.basemap = chosenBasemap(settings);
    /** @type {Scene | null} */
    this.scene = null;
    /** @type {View} */
    this.view = freshView();
    /** @type {Map<LayerName, Source>} */
    this.sources = new Map();
    /** @type {import("./types.js").Coordinates | null} */
    this.coordinates = null;
    /** @type {Map<LayerName, string>} */
    this.troubles = new Map();
    /** Layers whose size is not known yet. @type {Set<LayerName>} */
    this.awaited = new Set();
    /** What was made of the scene, by job; the newest first. @type {Map<string, import("./types.js").Result>} */
    this.results = new Map();
    this.flickering = false;
    /** Whether what lies under others is to be there at once. */
    this.flickered = false;
    this.restyling = false;
    /** How many answers are waited for. */
    this.underway = 0;
    this.rested = settled(BUSY_SETTLES, () => byId("stage").setAttribute("aria-busy", String(this.busy)));
    this.georeferenced = true;
    this.hosts = /** @type {const} */ ([byId("map-first"), byId("map-second")]);
    this.first = this.makeStage(0);
    /** @type {Stage | null} */
    this.second = null;
    this.part = () => {};
    this.divider = makeDivider(this.hosts[0], (split) => this.change({ split }));
    this.asking = new AbortController();
    this.restyled = settled(STYLE_SETTLES, () => {
      this.restyling = false;
      for (const name of RADAR) void this.load(name, this.asking.signal);
    });
    connection.addEventListener(
      "expired",
      settled(EXPIRED_SETTLES, () => LAYERS.forEach((name) => void this.load(name, this.asking.signal))),
    );
    this.render();
  }

  /** @param {0 | 1} number */
  makeStage(number) {
    const stage = new Stage(this.hosts[number], {
      georeferenced: this.georeferenced,
      basemap: this.basemap,
      label: number ? TEXT.map.second : TEXT.map.label,
    });
    stage.map.on("moveend", () => this.moved());
    stage.onBusy = () => this.tellBusy();
    return stage;
  }

  /** Lay all maps on another base map. @param {import("./types.js").Basemap | null} basemap */
  lieOn(basemap) {
    this.basemap = basemap;
    this.stages.forEach((stage) => stage.lieOn(basemap));
    this.dispatchEvent(new Event("stage"));
  }

  /** Whether something that will be seen is on its way. */
  get busy() {
    return this.restyling || this.underway > 0 || this.stages.some(({ busy }) => busy);
  }

  /** Say at once that something is on its way, and a little later that nothing is: pauses between two are no rest. */
  tellBusy() {
    if (this.busy) byId("stage").setAttribute("aria-busy", "true");
    else this.rested();
  }

  /**
   * Wait for an answer, and say so.
   * @template Answer
   * @param {Promise<Answer>} asked
   * @returns {Promise<Answer>}
   */
  async during(asked) {
    this.underway += 1;
    this.tellBusy();
    try {
      return await asked;
    } finally {
      this.underway -= 1;
      this.tellBusy();
    }
  }

  /** All maps that are shown. */
  get stages() {
    return this.second ? [this.first, this.second] : [this.first];
  }

  moved() {
    if (!this.scene) return;
    const { lat, lng } = this.first.map.getCenter();
    this.view.place = [lat, lng, this.first.map.getZoom()];
    this.dispatchEvent(new Event("view"));
  }

  /**
   * Open a scene; the view says where and how, else the whole scene is shown.
   * @param {Scene} scene
   * @param {View} [view]
   */
  open(scene, view) {
    this.asking.abort();
    this.asking = new AbortController();
    this.sources.clear();
    this.results.clear();
    this.coordinates = null;
    this.flickered = false;
    this.troubles.clear();
    const place = view?.place ?? null;
    this.view = { ...(view ?? freshView()), scene: scene.id };
    this.scene = scene;
    this.awaited = new Set(this.available);
    if (scene.georeferenced !== this.georeferenced) {
      this.georeferenced = scene.georeferenced;
      this.closeSecond();
      this.first.remove();
      this.first = this.makeStage(0);
      this.dispatchEvent(new Event("stage"));
    }
    this.first.show([]);
    this.render();
    if (place) this.first.map.setView([place[0], place[1]], place[2], { animate: false });
    else this.fit();
    this.dispatchEvent(new Event("scene"));
    void this.loadAll(this.asking.signal);
  }

  /** Show the open scene as it is read now: its values are others. @param {Scene} scene */
  reread(scene) {
    this.open(scene, { ...this.view, sar: freshView().sar });
  }

  close() {
    this.asking.abort();
    this.scene = null;
    this.view = freshView();
    this.sources.clear();
    this.render();
    this.dispatchEvent(new Event("scene"));
    this.dispatchEvent(new Event("view"));
  }

  fit() {
    if (this.scene) this.first.map.fitBounds(boundsOf(this.scene), { padding: [MARGIN, MARGIN], animate: false });
  }

  /** @param {LayerName} name @returns {import("./types.js").ServedLayer | null} */
  served(name) {
    if (!this.scene) return null;
    if (name === "other") return this.jobOf(name) ? "optical" : null;
    const made = this.results.get(this.jobOf(name) ?? "");
    if (this.scene.layers.includes(name) && (!made || name in made.files)) return name;
    return name === "optical" && this.scene.layers.includes("live") ? "live" : null;
  }

  /** The job whose result a layer shows; null for the newest, and for what no job made. @param {LayerName} name */
  jobOf(name) {
    const wanted = name === "other" ? this.view.other : MADE.includes(name) ? this.view.result : null;
    return wanted && this.scene?.jobs.includes(wanted) ? wanted : null;
  }

  /** What a layer is called; with the result that it shows, where there are several. @param {LayerName} name */
  titleOf(name) {
    const job = this.jobOf(name) ?? (name === "optical" ? this.scene?.jobs[0] : null);
    const made = this.results.size > 1 && job ? this.results.get(job) : null;
    return [TEXT.layers[name], made?.label].filter(Boolean).join(" · ");
  }

  /** Names of the layers that the scene has, in their order from the top down. */
  get available() {
    return this.view.order.filter((name) => this.served(name));
  }

  /** @param {AbortSignal} signal */
  async loadAll(signal) {
    // The radar first: it is what appears first, where nothing hides it.
    const radar = this.load("sar", signal);
    if (this.served("optical") === "live") await Promise.race([radar, pause(300)]);
    void this.locate(signal);
    void this.list(signal);
    await Promise.all([radar, ...LAYERS.filter((name) => name !== "sar").map((name) => this.load(name, signal))]);
    while (this.scene?.display.state === "preparing" && !signal.aborted) {
      await pause(POLL);
      await this.refresh().catch(() => undefined);
    }
  }

  /**
   * Ask where a layer's pixels are, and show them.
   * @param {LayerName} name
   * @param {AbortSignal} signal
   */
  async load(name, signal) {
    const { scene } = this;
    const served = this.served(name);
    if (!scene || !served) return;
    try {
      const source = await this.during(sourceOf(scene, served, this.view.sar, signal, this.jobOf(name)));
      if (signal.aborted) return;
      this.sources.set(name, source);
      this.troubles.delete(name);
    } catch (error) {
      if (signal.aborted) return;
      this.troubles.set(name, served === "live" ? TEXT.layers.liveElsewhere : wordsOf(error));
    }
    this.awaited.delete(name);
    this.render();
    this.dispatchEvent(new Event("view"));
  }

  /** Ask what was made of the scene. @param {AbortSignal} signal */
  async list(signal) {
    const { scene } = this;
    if (!scene) return;
    const found = await resultsOf(scene).catch(() => null);
    if (signal.aborted || !found) return;
    this.results = new Map(found.map((one) => [one.job, one]));
    this.dispatchEvent(new Event("results"));
    this.change({});
  }

  /** Show the results of these jobs: one, and the one that it is compared with. @param {Partial<View>} change */
  showResults(change) {
    this.change(change);
    this.dispatchEvent(new Event("results"));
    for (const name of /** @type {LayerName[]} */ ([...MADE, "other"])) void this.load(name, this.asking.signal);
  }

  /** Ask for the way to the scene's own coordinates; degrees are shown without it. @param {AbortSignal} signal */
  async locate(signal) {
    if (!this.scene?.georeferenced) return;
    const found = await this.during(askJson(`scenes/${this.scene.id}/coordinates`, { signal })).catch(() => null);
    if (signal.aborted) return;
    this.coordinates = found;
    this.dispatchEvent(new Event("coordinates"));
  }

  /** Ask for the scene anew: it may have been renamed, translated or prepared. */
  async refresh() {
    const { scene } = this;
    if (!scene) return;
    const found = /** @type {Scene} */ (await askJson(serviceUrl(`scenes/${scene.id}`)).catch((error) => {
      if (error instanceof Problem && error.status === 404 && this.scene === scene) this.dispatchEvent(new Event("gone"));
      throw error;
    }));
    if (this.scene?.id !== found.id) return;
    const same = JSON.stringify(found) === JSON.stringify(this.scene);
    this.scene = found;
    if (same && !this.troubles.size) return;
    this.dispatchEvent(new Event("scene"));
    await Promise.all([this.list(this.asking.signal), ...LAYERS.map((name) => this.load(name, this.asking.signal))]);
  }

  /** Wait until all that is to be seen is drawn; gives whether it is whole. Raises Problem when that takes too long. */
  async rest() {
    const end = performance.now() + REST;
    while (this.busy || this.stages.some(({ changing }) => changing)) {
      if (performance.now() > end) throw new Problem(TEXT.take.pictureLate, 0);
      await pause(BUSY_SETTLES);
    }
    return this.stages.every(({ whole }) => whole);
  }

  /** Wait until the true optical image is prepared, then show it. */
  async whenReferenceIsReady() {
    while (this.scene?.reference?.state === "preparing") {
      await pause(POLL);
      await this.refresh().catch(() => undefined);
    }
    if (this.scene?.reference?.state === "failed") throw new Problem(this.scene.reference.message, 422);
  }

  /**
   * Look at it otherwise.
   * @param {Partial<View>} change
   */
  change(change) {
    Object.assign(this.view, change);
    if (change.sar) {
      this.restyling = true;
      this.tellBusy();
      this.restyled();
    }
    this.render();
    this.dispatchEvent(new Event("view"));
  }

  /** @param {LayerName} name @param {Partial<import("./types.js").LayerView>} change */
  changeLayer(name, change) {
    Object.assign(this.view.layers[name], change);
    this.change({});
  }

  /** Move a layer up or down. @param {LayerName} name @param {-1 | 1} step */
  move(name, step) {
    const shown = this.available;
    const other = shown[shown.indexOf(name) + step];
    if (!other) return;
    const order = [...this.view.order];
    const [from, to] = [order.indexOf(name), order.indexOf(other)];
    order[from] = other;
    order[to] = name;
    this.change({ order });
  }

  /** @param {boolean} on */
  flicker(on) {
    if (on === this.flickering) return;
    this.flickering = on;
    this.flickered = true;
    this.change({});
  }

  /** Put on the maps what the view says. */
  render() {
    const { view } = this;
    const mode = this.scene ? view.mode : "stack";
    if (mode === "side" && !this.second) this.openSecond();
    if (mode !== "side" && this.second) this.closeSecond();
    this.divider.toggle(mode === "swipe");
    this.divider.set(view.split);
    this.first.split = view.split;
    drawnBy(this).forEach((shown, index) => this.stages[index]?.show(shown));
  }

  /** Names of the layers that can be seen now. */
  get seen() {
    return seenBy(this);
  }

  /** Whether live colour is wanted, and the map is too far out for it. */
  get tooFarForLive() {
    const source = this.sources.get("optical");
    const { mode, left, right, layers } = this.view;
    const wanted = mode === "stack" ? layers.optical.visible : left === "optical" || right === "optical";
    return source?.served === "live" && wanted && this.first.map.getZoom() < source.minZoom;
  }

  openSecond() {
    byId("stage").dataset.mode = "side";
    this.first.map.invalidateSize({ animate: false });
    this.second = this.makeStage(1);
    this.part = couple(this.first.map, this.second.map);
    this.dispatchEvent(new Event("stage"));
  }

  closeSecond() {
    this.part();
    this.second?.remove();
    this.second = null;
    byId("stage").dataset.mode = "stack";
    this.dispatchEvent(new Event("stage"));
  }
}
