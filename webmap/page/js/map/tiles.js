// Map tiles that are fetched, not just hung up: what fails is asked again, then shown as missing, never as black.

import { connection, keyHeaders, pause, reach } from "../service/api.js";

const RETRIES = 3;
const BUSY_RETRIES = 60;
const FIRST_WAIT = 400;
const LONGEST_WAIT = 8000;
const EMPTY = new Set([204, 404]);

/** A layer of tiles of one source; fires `tileerror` for a tile that is given up. */
export class Tiles extends L.GridLayer {
  /** @param {string} template with {z}, {x}, {y} @param {L.GridLayerOptions} options */
  constructor(template, options) {
    super(options);
    this.template = template;
    /** @type {Map<HTMLElement, AbortController>} */
    this.underway = new Map();
    /** @type {Map<HTMLElement, L.Coords>} */
    this.missing = new Map();
    this.onBack = () => this.askAgain();
    this.on("tileunload", (event) => this.forget(/** @type {L.TileEvent} */ (event).tile));
    this.on("add", () => connection.addEventListener("back", this.onBack));
    this.on("remove", () => connection.removeEventListener("back", this.onBack));
  }

  /**
   * Leaflet counts a tile beyond the antimeridian as one of the other side, where a scene that goes on does not lie.
   * @param {L.Coords} coords
   * @returns {boolean}
   */
  _isValidTile(coords) {
    const layer = /** @type {any} */ (this);
    if (/** @type {any} */ (L.GridLayer.prototype)._isValidTile.call(this, coords)) return true;
    const { bounds: given } = /** @type {L.GridLayerOptions} */ (this.options);
    const bounds = given && L.latLngBounds(/** @type {any} */ (given));
    if (!bounds || bounds.getEast() <= 180) return false;
    /** @type {L.LatLngBounds} */
    const tile = layer._tileCoordsToBounds(coords);
    const beyond = L.latLngBounds([tile.getSouth(), tile.getWest() + 360], [tile.getNorth(), tile.getEast() + 360]);
    return bounds.overlaps(beyond);
  }

  /**
   * @param {L.Coords} coords
   * @param {L.DoneCallback} done
   * @returns {HTMLElement}
   */
  createTile(coords, done) {
    const tile = document.createElement("img");
    tile.alt = "";
    tile.draggable = false;
    void this.load(tile, coords).then(
      () => done(undefined, tile),
      (error) => done(error, tile),
    );
    return tile;
  }

  /** @param {HTMLImageElement} tile @param {L.Coords} coords */
  async load(tile, coords) {
    const stop = new AbortController();
    this.underway.set(tile, stop);
    try {
      const picture = await this.fetchTile(coords, stop.signal);
      tile.classList.remove("tile-missing");
      tile.classList.toggle("tile-empty", !picture);
      if (picture) await show(tile, picture);
    } catch (error) {
      if (stop.signal.aborted) return;
      tile.classList.add("tile-missing");
      this.missing.set(tile, coords);
      throw error;
    } finally {
      this.underway.delete(tile);
    }
  }

  /**
   * Give the tile's picture, null where there is nothing to show.
   * @param {L.Coords} coords
   * @param {AbortSignal} signal
   * @returns {Promise<Blob | null>}
   */
  async fetchTile(coords, signal) {
    for (let tries = 0; ; tries += 1) {
      const response = await reach(this.urlOf(coords), { signal, headers: keyHeaders() }).catch((error) => {
        if (signal.aborted || tries >= RETRIES) throw error;
        return null;
      });
      if (response?.ok && response.status !== 204) return response.blob();
      if (response && EMPTY.has(response.status)) return null;
      // URLs that are signed end after some hours; whoever hears this asks for new ones.
      if (response?.status === 401) connection.dispatchEvent(new Event("expired"));
      const busy = response?.status === 503;
      if (tries >= (busy ? BUSY_RETRIES : RETRIES)) throw new Error(`tile: ${response?.status ?? "no answer"}`);
      const told = Number(response?.headers.get("Retry-After")) * 1000;
      await pause(Math.min(told || FIRST_WAIT * 2 ** tries, busy ? 2000 : LONGEST_WAIT), signal);
    }
  }

  /** @param {L.Coords} coords */
  urlOf(coords) {
    return this.template
      .replace("{z}", String(coords.z))
      .replace("{x}", String(coords.x))
      .replace("{y}", String(coords.y));
  }

  /** Ask once more for the tiles that were given up. */
  askAgain() {
    for (const [tile, coords] of this.missing) {
      if (tile instanceof HTMLImageElement) void this.load(tile, coords).catch(() => undefined);
    }
    this.missing.clear();
  }

  /** @param {HTMLElement} tile */
  forget(tile) {
    this.underway.get(tile)?.abort();
    this.underway.delete(tile);
    this.missing.delete(tile);
  }
}

/**
 * Put a picture into an image, and wait until it can be drawn.
 * @param {HTMLImageElement} image
 * @param {Blob} picture
 */
async function show(image, picture) {
  const url = URL.createObjectURL(picture);
  try {
    image.src = url;
    await image.decode();
  } finally {
    URL.revokeObjectURL(url);
  }
}
