// Bringing data: the button, the drop anywhere on the page, and how far each file is.

import { button, byId, fill, h, icon } from "../dom.js";
import { LARGEST_KEPT } from "../service/storage.js";
import { TEXT } from "../texts.js";

/** @typedef {import("../service/uploads.js").Uploads} Uploads */
/** @typedef {import("../service/uploads.js").Item} Item */

const TYPES = ".tif,.tiff,.zip,.png,.jpg,.jpeg,image/tiff,image/png,image/jpeg,application/zip";

/**
 * @param {Uploads} uploads
 * @param {(scene: string) => void} onOpen
 */
export function makeUploadView(uploads, onOpen) {
  const input = h("input", {
    type: "file", multiple: true, accept: TYPES, class: "unseen", tabindex: -1, "aria-label": TEXT.upload.choose,
    onchange: () => {
      uploads.add(input.files ?? []);
      input.value = "";
    },
  });
  const choose = () => input.click();
  const zone = h(
    "div",
    { class: "dropzone" },
    icon("upload"),
    h(
      "div",
      { class: "dropzone-text" },
      button({ label: TEXT.upload.choose, onclick: choose, kind: "link" }, { id: "choose-files" }),
      h("span", {}, TEXT.upload.drop),
      h("small", {}, TEXT.upload.kinds),
    ),
    input,
  );
  const list = h("ul", { class: "uploads", "aria-label": TEXT.upload.uploads });
  /** @type {Map<string, ReturnType<typeof makeRow>>} */
  const rows = new Map();

  const draw = () => {
    const ids = uploads.items.map(({ id }) => id);
    if (ids.join() !== [...rows.keys()].join()) {
      const made = uploads.items.map((item) => /** @type {const} */ ([item.id, rows.get(item.id) ?? makeRow(item)]));
      rows.clear();
      for (const [id, row] of made) rows.set(id, row);
      fill(list, ...made.map(([, row]) => row.element));
    }
    for (const item of uploads.items) rows.get(item.id)?.update();
    list.hidden = !ids.length;
  };

  /** @param {Item} item */
  const makeRow = (item) => {
    const bar = h("progress", { max: 1, value: 0, "aria-label": item.name });
    const told = h("p", { class: "upload-state" });
    const actions = h("div", { class: "upload-actions" });
    const element = h(
      "li",
      { class: "upload" },
      h("div", { class: "upload-head" }, h("strong", { title: item.name }, item.name), actions),
      bar,
      told,
    );
    let drawn = "";
    return {
      element,
      update: () => {
        element.dataset.state = item.state;
        bar.value = item.size ? item.sent / item.size : 0;
        bar.hidden = item.state === "done" || item.state === "failed";
        const { states } = TEXT.upload;
        const parts =
          item.state === "failed"
            ? [item.problem]
            : item.state === "sending" || item.state === "paused"
              ? [
                  TEXT.upload.sent(item.sent, item.size),
                  item.rate ? TEXT.upload.rate(item.rate) : states[item.state],
                  ...(item.size > LARGEST_KEPT ? [TEXT.upload.keepOpen] : []),
                ]
              : [item.problem || states[item.state]];
        told.textContent = parts.join(" · ");
        if (drawn !== item.state) {
          drawn = item.state;
          fill(actions, ...actionsOf(item));
        }
      },
    };
  };

  /** @param {Item} item */
  const actionsOf = (item) => {
    const { scene, state } = item;
    const cancel = button({ icon: "close", label: TEXT.upload.cancel, bare: true, onclick: () => uploads.cancel(item) }, { "data-focus": `${item.id}-x` });
    const key = { "data-focus": `${item.id}-a` };
    if (state === "sending" || state === "lost" || state === "waiting") {
      return [button({ icon: "pause", label: TEXT.upload.pause, bare: true, onclick: () => uploads.pause(item) }, key), cancel];
    }
    if (state === "paused") {
      return [button({ icon: "play", label: TEXT.upload.resume, bare: true, onclick: () => uploads.resume(item) }, key), cancel];
    }
    if (state === "done") {
      const gone = button({ icon: "close", label: TEXT.upload.dismiss, bare: true, onclick: () => uploads.cancel(item) });
      return [scene ? button({ label: TEXT.upload.open, onclick: () => onOpen(scene), kind: "small" }, key) : null, gone];
    }
    if (state === "failed") {
      const gone = button({ icon: "close", label: TEXT.upload.dismiss, bare: true, onclick: () => uploads.cancel(item) });
      const again =
        item.forcible
          ? button({ label: TEXT.upload.force, onclick: () => uploads.again(item, true), kind: "small" }, key)
          : button({ icon: "again", label: TEXT.upload.again, bare: true, onclick: () => uploads.again(item, item.force) }, key);
      return [item.file ? again : null, gone];
    }
    if (state === "file") {
      const other = h("input", { type: "file", class: "unseen", tabindex: -1, "aria-label": TEXT.upload.chooseAgain });
      other.addEventListener("change", () => other.files?.[0] && uploads.give(item, other.files[0]));
      return [button({ label: TEXT.upload.chooseAgain, onclick: () => other.click(), kind: "small" }, key), other, cancel];
    }
    return [cancel];
  };

  uploads.addEventListener("change", draw);
  draw();
  receiveDrops((files) => uploads.add(files));
  return { element: h("section", { class: "bring", "aria-label": TEXT.upload.title }, zone, list), choose };
}

/** Take files that are dropped anywhere. @param {(files: File[]) => void} onDrop */
function receiveDrops(onDrop) {
  const veil = byId("drop");
  veil.append(icon("upload"), h("p", {}, TEXT.upload.dropHere));
  let depth = 0;
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    veil.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    depth -= 1;
    veil.hidden = depth > 0 ? veil.hidden : true;
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    onDrop([...(event.dataTransfer?.files ?? [])]);
  });
}
