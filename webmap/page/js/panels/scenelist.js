// The scenes that are there: thumbnails, search, sort, and those in view alone.

import { serviceUrl, ask, askJson, connection, wordsOf } from "../service/api.js";
import { button, fill, h, icon, settled } from "../dom.js";
import { underWay } from "../service/jobs.js";
import { TEXT } from "../texts.js";
import { day, number, polarisations } from "../units.js";

/** @typedef {import("../types.js").Scene} Scene */

const PAGE = 50;
const TYPING = 250;
const THUMBNAIL = 128;
/** @type {[string, string][]} */
const SORTS = [["-created", TEXT.list.newest], ["name", TEXT.list.name], ["-acquired", TEXT.list.acquired]];

/** Fires `found` with the scenes that are listed. */
export class SceneList extends EventTarget {
  /**
   * @param {(scene: Scene) => void} onOpen
   * @param {() => string} boxInView west,south,east,north of the map
   */
  constructor(onOpen, boxInView) {
    super();
    this.onOpen = onOpen;
    this.boxInView = boxInView;
    /** @type {Scene[]} */
    this.scenes = [];
    this.total = 0;
    this.all = 0;
    this.wanted = 0;
    /** @type {Set<string>} */
    this.busy = new Set();
    const again = settled(TYPING, () => void this.refresh());
    this.search = h("input", { type: "search", class: "field", placeholder: TEXT.list.search, "aria-label": TEXT.list.search, oninput: again });
    this.sort = h(
      "select",
      { class: "field", "aria-label": TEXT.list.sort, onchange: () => void this.refresh() },
      ...SORTS.map(([value, label]) => h("option", { value }, label)),
    );
    this.inView = h("input", { type: "checkbox", onchange: () => void this.refresh() });
    this.count = h("p", { class: "count", role: "status" });
    this.list = h("ul", { class: "scenes" });
    this.more = button({ label: TEXT.list.loadMore, onclick: () => void this.refresh(true) });
    this.element = h(
      "section",
      { class: "list", "aria-label": TEXT.list.title },
      h("div", { class: "searching" }, icon("search"), this.search),
      h("div", { class: "sorting" }, this.sort, h("label", { class: "check" }, this.inView, h("span", {}, TEXT.list.inView))),
      this.count,
      this.list,
      this.more,
    );
    this.thumbnails = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) this.loadThumbnail(target);
    });
    connection.addEventListener("back", () => void this.refresh());
  }

  /** The map has moved. */
  moved() {
    if (this.inView.checked) void this.refresh();
  }

  /** Ask anew; `further` adds the next page. */
  async refresh(further = false) {
    const wanted = (this.wanted += 1);
    const text = this.search.value.trim();
    const query = {
      q: text,
      text,
      sort: this.sort.value,
      bbox: this.inView.checked ? this.boxInView() : "",
      limit: PAGE,
      offset: further ? this.scenes.length : 0,
    };
    try {
      const [{ scenes, numberMatched }, jobs] = await Promise.all([askJson(serviceUrl("scenes", query)), underWay().catch(() => [])]);
      if (wanted !== this.wanted) return;
      this.scenes = further ? [...this.scenes, ...scenes] : scenes;
      this.total = numberMatched;
      if (!text && !this.inView.checked) this.all = numberMatched;
      this.busy = new Set(jobs.map(({ scene }) => scene ?? ""));
      this.draw();
      this.dispatchEvent(new Event("found"));
    } catch (error) {
      if (wanted === this.wanted) this.count.textContent = wordsOf(error);
    }
  }

  draw() {
    this.thumbnails.disconnect();
    fill(this.list, ...this.scenes.map((scene) => this.card(scene)));
    this.count.textContent = this.total || this.all ? TEXT.list.count(this.total, Math.max(this.all, this.total)) : "";
    this.more.hidden = this.scenes.length >= this.total;
    if (!this.scenes.length) {
      const filtered = this.search.value || this.inView.checked;
      this.list.append(
        h("li", { class: "nothing" }, icon("radar"), h("strong", {}, filtered ? TEXT.list.noMatch : TEXT.list.none), filtered ? null : h("span", {}, TEXT.list.noneHint)),
      );
    }
  }

  /** @param {Scene} scene */
  card(scene) {
    const { description } = scene;
    const image = h("img", { class: "thumbnail", alt: "", "data-scene": scene.id, "data-layer": scene.layers.includes("optical") ? "optical" : "sar" });
    this.thumbnails.observe(image);
    const state = this.busy.has(scene.id) ? TEXT.list.running : scene.jobs.length ? TEXT.list.translated : "";
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "scene-card", "data-focus": scene.id, onclick: () => this.onOpen(scene) },
        image,
        h(
          "span",
          { class: "scene-words" },
          h("strong", { title: scene.name }, scene.name),
          h("span", {}, `${polarisations(description.polarisations, TEXT.scene.polarisation + " " + TEXT.scene.unknownPolarisation)} · ${number(description.width)} × ${number(description.height)}`),
          h("span", {}, scene.acquired ? TEXT.list.taken(day(scene.acquired)) : scene.georeferenced ? TEXT.list.sent(day(scene.created)) : TEXT.list.noPlace),
        ),
        state ? h("span", { class: `chip${this.busy.has(scene.id) ? " busy" : ""}` }, state) : null,
      ),
    );
  }

  /** @param {Element} image */
  loadThumbnail(image) {
    this.thumbnails.unobserve(image);
    if (!(image instanceof HTMLImageElement)) return;
    const { scene, layer } = image.dataset;
    ask(serviceUrl(`scenes/${scene}/${layer}/preview.png`, { max_size: THUMBNAIL }))
      .then((answer) => answer.blob())
      .then((blob) => {
        image.src = URL.createObjectURL(blob);
        image.onload = () => {
          URL.revokeObjectURL(image.src);
          image.classList.add("there");
        };
      })
      .catch(() => undefined);
  }
}
