// Puts the page together.

import { serviceUrl, askJson, connection, onKeyNeeded, Problem, reach, wordsOf } from "./service/api.js";
import { asked, note } from "./dialogs.js";
import { byId, fill, h, icon, settled } from "./dom.js";
import { within } from "./map/coordinates.js";
import { showFootprints } from "./map/footprints.js";
import { makeFrame, narrow } from "./frame.js";
import { listenToKeys, showHelp } from "./keys.js";
import { makeLegend } from "./panels/legend.js";
import { makeMeasure } from "./map/measure.js";
import { chooseBasemap } from "./panels/basepanel.js";
import { makeFind } from "./panels/findpanel.js";
import { readPixels, readPointer } from "./map/reading.js";
import { SceneList } from "./panels/scenelist.js";
import { makeSceneView } from "./panels/sceneview.js";
import { others } from "./service/tabs.js";
import { TEXT } from "./texts.js";
import { onThemeChange } from "./theme.js";
import { Uploads } from "./service/uploads.js";
import { makeUploadView } from "./panels/uploadview.js";
import { decode, encode } from "./view.js";
import { Workbench } from "./scenestate.js";

/** @typedef {import("./types.js").PageSettings} PageSettings */
/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("./types.js").LayerName} LayerName */

const HASH_SETTLES = 150;

/** @returns {Promise<PageSettings>} */
async function readSettings() {
  for (;;) {
    try {
      return await askJson("page-settings");
    } catch (error) {
      if (error instanceof Problem) throw error;
      await new Promise((resolve) => connection.addEventListener("back", resolve, { once: true }));
    }
  }
}

async function start() {
  watchConnection();
  askForKeys();
  const settings = await readSettings();
  const bench = new Workbench(settings);
  const uploads = new Uploads(settings.max_upload_bytes);
  const bring = makeUploadView(uploads, (id) => void openById(id));
  const list = new SceneList((scene) => open(scene), () => boxOf(bench.first.map));
  const listView = h("div", { class: "home" }, list.element);
  const sceneView = makeSceneView(bench, { onBack: () => close(), onGone: () => close() });
  const measure = makeMeasure(bench);
  const { body, togglePanel } = makeFrame(bench, {
    onHelp: () => help(),
    onMeasure: () => measure.toggle(),
    onFind: () => find.toggle(),
    onBase: () => void chooseBasemap(bench),
  });
  const find = makeFind(bench);
  body.append(bring.element, listView, sceneView.element);

  /** Another scene, or none, is another page of the history; unless the history itself led there. */
  const turnTo = () => {
    const hash = encode(bench.view);
    if (decode(location.hash).scene === bench.view.scene) return;
    history.pushState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  };

  /** @param {Scene} scene @param {import("./types.js").View} [view] */
  const open = (scene, view) => {
    listView.hidden = true;
    sceneView.element.hidden = false;
    bench.open(scene, view);
    turnTo();
    body.scrollTop = 0;
    if (narrow.matches) togglePanel(false);
    else sceneView.name.focus({ preventScroll: true });
  };

  const close = () => {
    sceneView.element.hidden = true;
    listView.hidden = false;
    measure.toggle(false);
    bench.close();
    turnTo();
    void list.refresh();
    togglePanel(true);
    if (!narrow.matches) list.search.focus({ preventScroll: true });
  };

  /** @param {string} id @param {import("./types.js").View} [view] */
  const openById = async (id, view) => {
    try {
      open(await askJson(`scenes/${encodeURIComponent(id)}`), view);
    } catch (error) {
      note(error instanceof Problem && error.status === 404 ? TEXT.problems.noScene : wordsOf(error), "bad");
      if (bench.scene === null) sceneView.element.hidden = true;
    }
  };

  /** @param {LayerName} name */
  const flip = (name) => {
    if (bench.scene && bench.view.mode !== "stack") note(TEXT.layers.comparing);
    else if (bench.scene) bench.changeLayer(name, { visible: !bench.view.layers[name].visible });
  };
  /** @param {import("./types.js").Mode} mode */
  const compare = (mode) => bench.scene && bench.change({ mode: bench.view.mode === mode ? "stack" : mode });
  const help = () => void showHelp(shortcuts, settings.version);
  /** @type {import("./keys.js").Shortcut[]} */
  const shortcuts = [
    { key: "?", label: TEXT.keys.help, down: help },
    { key: "u", label: TEXT.keys.upload, down: () => bring.choose() },
    { key: "/", label: TEXT.keys.search, down: () => (bench.scene ? close() : list.search.focus()) },
    { key: "t", label: TEXT.keys.translate, down: () => bench.scene && sceneView.translate.begin() },
    { key: "1", label: TEXT.keys.radar, down: () => flip("sar") },
    { key: "2", label: TEXT.keys.optical, down: () => flip("optical") },
    { key: "3", label: TEXT.keys.error, down: () => flip("error") },
    { key: "o", label: TEXT.keys.overlay, down: () => bench.scene && bench.change({ mode: "stack" }) },
    { key: "s", label: TEXT.keys.swipe, down: () => compare("swipe") },
    { key: "d", label: TEXT.keys.side, down: () => compare("side") },
    { key: "f", label: TEXT.keys.flicker, down: () => bench.flicker(true), up: () => bench.flicker(false) },
    { key: "g", label: TEXT.keys.find, down: () => find.toggle(true) },
    { key: "m", label: TEXT.keys.measure, down: () => measure.toggle() },
    { key: "z", label: TEXT.keys.fit, down: () => bench.fit() },
    { key: "p", label: TEXT.keys.panel, down: () => togglePanel() },
  ];
  listenToKeys(shortcuts, () => measure.escape() || find.escape());

  readPointer(bench);
  readPixels(bench, () => bench.scene !== null && !measure.isOn());
  makeLegend(bench);
  showFootprints(bench, list, (scene) => open(scene));

  // The same scene seen otherwise is the same page of the browser's history; see `turnTo` for another.
  const remember = settled(HASH_SETTLES, () => {
    const hash = encode(bench.view);
    const same = decode(location.hash).scene === bench.view.scene;
    if (same && hash && hash !== location.hash.slice(1)) history.replaceState(null, "", `#${hash}`);
  });
  bench.addEventListener("view", remember);
  bench.addEventListener("scene", remember);
  const moved = () => list.moved();
  const watch = () => bench.first.map.on("moveend", moved);
  bench.addEventListener("stage", watch);
  watch();
  window.addEventListener("hashchange", () => {
    const view = decode(location.hash);
    if (!view.scene && bench.scene) close();
    if (view.scene && location.hash.slice(1) !== encode(bench.view)) void openById(view.scene, view);
  });
  const again = () => void bench.refresh().catch(() => undefined);
  connection.addEventListener("back", again);
  others.addEventListener(
    "changed",
    settled(HASH_SETTLES, () => {
      again();
      if (!bench.scene) void list.refresh();
    }),
  );
  bench.addEventListener("gone", () => {
    close();
    note(TEXT.problems.noScene, "bad");
  });
  onThemeChange(() => bench.stages.forEach((stage) => stage.restyle()));
  uploads.addEventListener("arrived", (event) => {
    void list.refresh();
    const id = /** @type {CustomEvent<string>} */ (event).detail;
    const item = uploads.items.find(({ scene }) => scene === id);
    if (item && !bench.scene) {
      uploads.cancel(item);
      void openById(id);
    }
  });

  sceneView.element.hidden = true;
  const wanted = decode(location.hash);
  togglePanel(!(narrow.matches && wanted.scene));
  await Promise.all([list.refresh(), uploads.restore(), wanted.scene ? openById(wanted.scene, wanted) : null]);
  document.body.dataset.ready = "true";
  document.dispatchEvent(new Event("ready"));
}

/** @param {L.Map} map */
function boxOf(map) {
  const bounds = map.getBounds();
  const clamp = (/** @type {number} */ value, /** @type {number} */ most) => Math.max(-most, Math.min(most, value)).toFixed(5);
  if (bounds.getEast() - bounds.getWest() >= 360) return `-180,${clamp(bounds.getSouth(), 90)},180,${clamp(bounds.getNorth(), 90)}`;
  const [west, east] = [bounds.getWest(), bounds.getEast()].map((value) => within(value).toFixed(5));
  return [west, clamp(bounds.getSouth(), 90), east, clamp(bounds.getNorth(), 90)].join(",");
}

/** Say so when the service is gone, and when it is back. */
function watchConnection() {
  const banner = byId("banner");
  connection.addEventListener("lost", () => {
    fill(banner, icon("warning"), h("span", {}, TEXT.connection.lost));
    banner.hidden = false;
  });
  connection.addEventListener("back", () => {
    banner.hidden = true;
    note(TEXT.connection.back, "good");
  });
}

/** Ask for an API key, once for all that need it at the same time. */
function askForKeys() {
  /** @type {Promise<string | null> | null} */
  let asking = null;
  onKeyNeeded(() => {
    asking ??= (async () => {
      const key = await asked({ title: TEXT.key.title, explain: TEXT.key.explain, label: TEXT.key.label, yes: TEXT.key.use, type: "password" });
      const headers = { Authorization: `Bearer ${key}` };
      const right = key && (await reach(serviceUrl("scenes?limit=1"), { headers }).catch(() => null))?.ok;
      if (key && !right) note(TEXT.key.wrong, "bad");
      asking = null;
      return key;
    })();
    return asking;
  });
}

void start();
