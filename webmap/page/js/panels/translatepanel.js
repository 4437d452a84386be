// Translating the scene that is open: model, options, how far it is, and stopping it.

import { askJson, wordsOf } from "../service/api.js";
import { note } from "../dialogs.js";
import { button, fill, h } from "../dom.js";
import { dismiss, follow, isLive, translate, underWay } from "../service/jobs.js";
import { canNotify, notifies, notify, tellEnd } from "../service/notices.js";
import { others } from "../service/tabs.js";
import { TEXT } from "../texts.js";
import { duration } from "../units.js";

/** @typedef {import("../types.js").Job} Job */
/** @typedef {import("../types.js").Model} Model */
/** @typedef {import("../scenestate.js").Workbench} Workbench */

const text = TEXT.translate;
/** Ratio of pixel sizes, either way, beyond which the model sees a scale that it was not trained for. */
const FAR = 1.5;

/** @param {string} label @param {[string, string][]} options */
const choice = (label, options) => {
  const select = h("select", { class: "field" }, ...options.map(([value, name]) => h("option", { value }, name)));
  return { select, row: h("label", { class: "row" }, h("span", {}, label), select) };
};

/** @param {string} label @param {boolean} checked */
const tick = (label, checked) => {
  const input = h("input", { type: "checkbox", checked });
  return { input, row: h("label", { class: "check" }, input, h("span", {}, label)) };
};

/** @param {Workbench} bench */
export function makeTranslatePanel(bench) {
  const model = choice(text.model, []);
  const area = choice(text.area, [["", text.whole], ["view", text.view]]);
  const precision = choice(text.precision, [["", text.automatic], ["int8", text.fast], ["float32", text.exact]]);
  const compress = choice(text.compression, ["zstd", "deflate", "lzw", "jpeg", "webp"].map((name) => [name, name.toUpperCase()]));
  const errorBand = tick(text.errorBand, true);
  const resample = tick(text.resample, false);
  const despeckled = tick(text.despeckled, false);
  const match = tick(text.match, false);
  const start = button({ icon: "magic", label: text.start, kind: "primary wide", onclick: () => void begin() }, { id: "translate" });
  const bar = h("progress", { max: 100, "aria-label": text.title });
  const told = h("p", { class: "told", role: "status" });
  const stop = button({ icon: "close", label: text.stop, kind: "small", onclick: () => void cancel() });
  const tell = tick(text.notify, notifies());
  tell.row.hidden = !canNotify;
  tell.input.addEventListener("change", () => {
    void notify(tell.input.checked).then((on) => {
      if (tell.input.checked && !on) note(text.notifyRefused, "bad");
      tell.input.checked = on;
    });
  });
  const running = h("div", { class: "running" }, bar, h("div", { class: "running-foot" }, told, stop), tell.row);
  const options = h(
    "details",
    { class: "options" },
    h("summary", {}, text.options),
    h("div", { class: "rows" }, model.row, area.row, precision.row, compress.row, errorBand.row, despeckled.row, match.row, resample.row),
  );
  const warning = h("p", { class: "warning-text" });
  const element = h("section", { class: "part translate", "aria-label": text.title }, warning, start, running, options);

  /** @type {Job | null} */
  let job = null;
  /** @type {string | null} */
  let shown = null;
  /** Jobs that are followed; they end while another scene is open, too. @type {Set<string>} */
  const followed = new Set();
  /** @type {Model[]} */
  let models = [];

  /** What the pixels are on the ground, and what the model knows, where these are far apart. */
  const scale = () => {
    const [x, y] = bench.scene?.description.pixel_size_metres ?? [];
    const known = models.find(({ name }) => name === model.select.value)?.ground_sampling_distance;
    if (!x || !y || !known || resample.input.checked) return "";
    const metres = Math.sqrt(x * y);
    if (Math.max(metres / known, known / metres) <= FAR) return "";
    return metres > known ? text.tooCoarse(metres, known) : text.tooFine(metres, known);
  };

  const draw = () => {
    const live = job !== null && isLive(job);
    running.hidden = !live;
    start.hidden = live;
    options.hidden = live;
    const label = start.querySelector("span");
    if (label) label.textContent = bench.scene?.jobs.length ? text.again : text.start;
    start.classList.toggle("primary", !bench.scene?.jobs.length);
    area.row.hidden = !bench.scene?.georeferenced;
    despeckled.row.hidden = !models.some(({ name, despeckles }) => despeckles && name === model.select.value);
    warning.textContent = scale();
    warning.hidden = !warning.textContent;
    match.row.hidden = !bench.scene?.georeferenced || bench.scene.reference?.state !== "ready";
    if (!live || !job) return;
    if (job.status === "accepted" || !job.progress) bar.removeAttribute("value");
    else bar.value = job.progress;
    told.textContent = [
      job.status === "accepted" ? text.states.accepted : job.progress ? `${job.progress} %` : text.states.running,
      job.megapixelsPerSecond ? text.speed(job.megapixelsPerSecond) : "",
      job.secondsLeft ? text.left(duration(job.secondsLeft)) : "",
    ]
      .filter(Boolean)
      .join(" · ");
  };

  /** Follow a job of a scene, which may have been left meanwhile. @param {Job} found @param {typeof bench.scene} scene */
  const pick = (found, scene) => {
    if (bench.scene?.id === scene?.id) job = found;
    draw();
    if (!scene || followed.has(found.jobID)) return;
    followed.add(found.jobID);
    follow(found.jobID, (changed) => {
      if (job?.jobID === changed.jobID) job = changed;
      draw();
      if (isLive(changed)) return;
      followed.delete(changed.jobID);
      const words = changed.status === "failed" ? text.failed(changed.message) : changed.status === "successful" ? text.done : text.stopped;
      const here = bench.scene?.id === scene.id;
      note(here ? words : `${scene.name}: ${words}`, changed.status === "failed" ? "bad" : "good");
      tellEnd(words, scene.name);
      if (here) void bench.refresh().catch(() => undefined);
    });
  };

  const begin = async () => {
    const { scene } = bench;
    if (!scene) return;
    const bounds = bench.first.map.getBounds();
    start.disabled = true;
    try {
      const begun = await translate({
        scene: scene.id,
        ...(model.select.value ? { model: model.select.value } : {}),
        ...(area.select.value ? { bbox: [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()] } : {}),
        ...(precision.select.value ? { precision: precision.select.value } : {}),
        compress: compress.select.value,
        error_band: errorBand.input.checked,
        resample_to_model: resample.input.checked,
        despeckled: despeckled.input.checked && !despeckled.row.hidden,
        match: match.input.checked && !match.row.hidden,
      });
      if (begun.status === "successful") {
        note(text.done, "good");
        await bench.refresh();
      } else pick(begun, scene);
    } catch (error) {
      note(wordsOf(error), "bad");
    } finally {
      start.disabled = false;
    }
  };

  const cancel = async () => {
    if (job) await dismiss(job.jobID).catch((error) => note(wordsOf(error), "bad"));
  };

  const opened = async () => {
    draw();
    const id = bench.scene?.id ?? null;
    if (id === shown) return;
    shown = id;
    job = null;
    draw();
    await look();
  };

  /** See whether the scene is being translated, here or elsewhere. */
  const look = async () => {
    const id = bench.scene?.id;
    if (!id || (job && isLive(job))) return;
    const [found] = await underWay(id).catch(() => []);
    if (found && bench.scene?.id === id && !(job && isLive(job))) pick(found, bench.scene);
  };

  /** Offer the models that there are now; which is chosen stays chosen. */
  const offer = async () => {
    const found = await askJson("models").catch(() => null);
    if (!found) return;
    models = found.models;
    const before = model.select.value;
    fill(model.select, ...models.map(({ name }) => h("option", { value: name }, name.split("/").at(-1))));
    const there = models.find(({ name }) => name === before) ?? models.find((one) => one.default);
    model.select.value = there?.name ?? "";
    draw();
  };

  void offer();
  options.addEventListener("toggle", () => {
    if (/** @type {HTMLDetailsElement} */ (options).open) void offer();
  });
  model.select.addEventListener("change", draw);
  resample.input.addEventListener("change", draw);
  bench.addEventListener("scene", () => void opened());
  others.addEventListener("changed", () => void look());
  draw();
  return { element, begin: () => (start.hidden ? undefined : void begin()) };
}
