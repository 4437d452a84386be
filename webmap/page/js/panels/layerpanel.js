// The layers from the top down: shown or not, how opaque, in which order.

import { serviceUrl, ask, wordsOf } from "../service/api.js";
import { note } from "../dialogs.js";
import { button, fill, h, part } from "../dom.js";
import { isCoarse } from "../map/seen.js";
import { TEXT } from "../texts.js";
import { bytes } from "../units.js";

/** @typedef {import("../types.js").LayerName} LayerName */
/** @typedef {import("../scenestate.js").Workbench} Workbench */

const text = TEXT.layers;
const PICTURES = ".tif,.tiff,.png,.jpg,.jpeg";

/** @param {Workbench} bench */
export function makeLayerPanel(bench) {
  const list = h("ul", { class: "layers" });
  const chosen = h("input", { type: "file", accept: PICTURES, class: "unseen", tabindex: -1, "aria-label": text.addReference });
  chosen.addEventListener("change", () => {
    const [file] = chosen.files ?? [];
    chosen.value = "";
    if (file) void addReference(bench, file, say);
  });
  const add = button({ icon: "plus", label: text.addReference, kind: "link small", onclick: () => chosen.click() });
  const drop = button({ icon: "trash", label: text.removeReference, kind: "link small", onclick: () => void removeReference(bench) });
  const two = h("p", { class: "hint-text" }, text.comparing);
  const step = h("p", { class: "hint-text", role: "status" });
  const waiting = h("progress", { "aria-label": text.reference });
  const coming = h("div", { class: "coming", hidden: true }, waiting, step);
  /** Say how far a true image is. @param {string} words */
  const say = (words) => {
    step.textContent = words;
    coming.hidden = !words;
  };
  let drawn = "";

  const draw = () => {
    if (!bench.scene) return;
    two.hidden = bench.view.mode === "stack";
    const names = bench.available;
    const has = names.includes("reference");
    add.hidden = has || !("reference" in bench.scene) || !coming.hidden;
    drop.hidden = !has;
    const now = JSON.stringify([bench.scene.id, names, names.map((name) => [bench.served(name), bench.titleOf(name)])]);
    if (now !== drawn) {
      drawn = now;
      fill(list, ...names.map((name, index) => row(bench, name, index, names.length)));
    }
    for (const name of names) update(bench, list, name);
  };

  bench.addEventListener("scene", draw);
  bench.addEventListener("view", draw);
  bench.addEventListener("results", draw);
  return part(text.title, two, list, coming, h("div", { class: "layer-actions" }, add, drop, chosen));
}

/** @param {Workbench} bench @param {LayerName} name @param {number} index @param {number} count */
function row(bench, name, index, count) {
  const label = bench.titleOf(name);
  const live = bench.served(name) === "live";
  const shown = h("input", {
    type: "checkbox", class: "switch", "aria-label": text.visible(label), "data-focus": `${name}-shown`,
    onchange: (/** @type {Event} */ event) =>
      bench.changeLayer(name, { visible: /** @type {HTMLInputElement} */ (event.target).checked }),
  });
  const opacity = h("input", {
    type: "range", min: 0, max: 100, class: "opacity", "aria-label": text.opacityOf(label), "data-focus": `${name}-opacity`,
    oninput: (/** @type {Event} */ event) =>
      bench.changeLayer(name, { opacity: Number(/** @type {HTMLInputElement} */ (event.target).value) / 100 }),
  });
  return h(
    "li",
    { class: "layer", "data-layer": name },
    h("label", { class: "layer-name" }, shown, h("span", {}, label, live ? h("em", { class: "chip live" }, text.live) : null)),
    h(
      "span",
      { class: "layer-order" },
      button({ icon: "up", label: `${text.up}: ${label}`, bare: true, onclick: () => bench.move(name, -1) }, { disabled: index === 0, "data-focus": `${name}-up` }),
      button({ icon: "down", label: `${text.down}: ${label}`, bare: true, onclick: () => bench.move(name, 1) }, { disabled: index === count - 1, "data-focus": `${name}-down` }),
    ),
    opacity,
    h("output", { class: "layer-percent" }),
    h("p", { class: "layer-trouble" }),
  );
}

/** @param {Workbench} bench @param {HTMLElement} list @param {LayerName} name */
function update(bench, list, name) {
  const element = list.querySelector(`[data-layer="${name}"]`);
  const { mode, left, right } = bench.view;
  const { visible, opacity } = bench.view.layers[name];
  const [shown, fading] = element?.querySelectorAll("input") ?? [];
  const trouble = element?.querySelector(".layer-trouble");
  const percent = element?.querySelector("output");
  if (!shown || !fading || !trouble || !percent) return;
  shown.checked = mode === "stack" ? visible : name === left || name === right;
  shown.disabled = mode !== "stack";
  fading.value = String(Math.round(100 * opacity));
  percent.textContent = `${Math.round(100 * opacity)} %`;
  trouble.textContent =
    bench.troubles.get(name) ?? (name !== "optical" ? "" : bench.tooFarForLive ? text.zoomIn : isCoarse(bench) ? text.coarse : "");
}

/** @param {Workbench} bench @param {File} file @param {(words: string) => void} say */
async function addReference(bench, file, say) {
  const { scene } = bench;
  if (!scene) return;
  say(text.sendingReference(file.name, bytes(file.size)));
  try {
    await ask(serviceUrl(`scenes/${scene.id}/reference`, { filename: file.name }), { method: "PUT", body: file });
    say(text.preparingReference);
    bench.view.layers.reference.visible = true;
    await bench.refresh();
    await bench.whenReferenceIsReady();
  } catch (error) {
    note(wordsOf(error), "bad");
  } finally {
    say("");
    bench.change({});
  }
}

/** @param {Workbench} bench */
async function removeReference(bench) {
  if (!bench.scene) return;
  await ask(serviceUrl(`scenes/${bench.scene.id}/reference`), { method: "DELETE" })
    .then(() => bench.refresh())
    .catch((error) => note(wordsOf(error), "bad"));
}
