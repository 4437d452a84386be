// The results of the scene: which is shown, and what can be done with each.

import { note, asked, confirmed } from "../dialogs.js";
import { button, fill, h, icon, part } from "../dom.js";
import { wordsOf } from "../service/api.js";
import { nameResult, removeResult } from "../service/results.js";
import { TEXT } from "../texts.js";

/** @typedef {import("../types.js").Result} Result */
/** @typedef {import("../scenestate.js").Workbench} Workbench */

const text = TEXT.results;

/** @param {Workbench} bench */
export function makeResultsPanel(bench) {
  const list = h("ul", { class: "results" });
  const element = part(text.title, list);

  const draw = () => {
    element.hidden = !bench.results.size;
    fill(list, ...[...bench.results.values()].map((result, index) => row(bench, result, index)));
  };

  bench.addEventListener("scene", draw);
  bench.addEventListener("results", draw);
  draw();
  return element;
}

/** @param {Workbench} bench @param {Result} result @param {number} index */
function row(bench, result, index) {
  const { job, label, about, files, warnings } = result;
  const shown = bench.jobOf("optical") ?? bench.scene?.jobs[0];
  const radio = h("input", {
    type: "radio", name: "result", value: job, checked: job === shown, "aria-label": text.show(label), "data-focus": `${job}-shown`,
    // The newest is shown by its place, so that the next one takes it.
    onchange: () => bench.showResults({ result: index ? job : null, other: bench.view.other === job ? null : bench.view.other }),
  });
  /** @param {string} name @param {string} words @param {() => void} onclick */
  const act = (name, words, onclick) =>
    button({ icon: name, label: `${words}: ${label}`, bare: true, onclick }, { "data-focus": `${job}-${name}` });
  const { optical } = files;
  return h(
    "li",
    { class: "result" },
    h("label", { class: "result-name", title: label }, radio, h("span", {}, label)),
    h(
      "span",
      { class: "result-actions" },
      job === shown ? null : act("swipe", text.compare, () => bench.showResults({ other: job, mode: "swipe", left: "other", right: "optical" })),
      optical ? h("a", { class: "button bare", href: optical.href, download: "", "aria-label": `${text.download}: ${label}`, title: text.download }, icon("download")) : null,
      act("rename", text.rename, () => void rename(bench, result)),
      act("trash", text.remove, () => void remove(bench, result)),
    ),
    about ? h("p", { class: "result-about" }, about) : null,
    ...warnings.map((one) => h("p", { class: "result-about warn" }, one)),
  );
}

/** @param {Workbench} bench @param {Result} result */
async function rename(bench, { job, label }) {
  const name = await asked({ title: text.renameTitle, label: text.newName, value: label, yes: text.save });
  if (!name || name === label) return;
  await nameResult(job, name)
    .then(() => bench.list(bench.asking.signal))
    .catch((error) => note(wordsOf(error), "bad"));
}

/** @param {Workbench} bench @param {Result} result */
async function remove(bench, { job, label }) {
  if (!(await confirmed(text.removeTitle, text.removeExplain(label), text.remove))) return;
  await removeResult(job)
    .then(() => bench.refresh())
    .catch((error) => note(wordsOf(error), "bad"));
}
