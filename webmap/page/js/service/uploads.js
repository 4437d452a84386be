// Sending files: resumable (tus 1.0), one after the other, through lost connections and reloads.

import { serviceUrl, askJson, connection, keyHeaders, markLost, pause, Problem, problemFrom, problemIn, UNLIKE_SAR, wordsOf } from "./api.js";
import { join, together } from "./polarisationpairs.js";
import { forget, keep, kept } from "./storage.js";
import { tellOthers } from "./tabs.js";
import { TEXT } from "../texts.js";

/** @typedef {import("../types.js").Scene} Scene */
/** @typedef {"waiting" | "sending" | "paused" | "lost" | "checking" | "held" | "done" | "failed" | "file"} State */

/**
 * @typedef {object} Item
 * @property {string} id
 * @property {string} name
 * @property {number} size
 * @property {number} modified
 * @property {File | null} file
 * @property {string | null} location
 * @property {State} state
 * @property {number} sent
 * @property {number} rate bytes a second
 * @property {string} problem
 * @property {boolean} forcible whether it may be taken all the same
 * @property {boolean} force
 * @property {string | null} scene
 * @property {import("./polarisationpairs.js").Membership | null} member of several files that are one scene
 * @property {AbortController} stop
 */

const CHUNK = 8 * 2 ** 20;
const LOOK = 300;
const LOST_WAIT = 2000;
/** The service is still at the piece that was sent before. */
const LOCKED = 423;
const REMOVALS = 20;
const TUS = { "Tus-Resumable": "1.0.0" };
const TOO_PLAIN = new Set([404, 405, 501]);
/** An upload that the service knows no longer; it is begun again. */
const GONE = new Set([404, 410]);

/** Fires `change` whenever something is to be drawn anew, `arrived` with the scene's id as detail. */
export class Uploads extends EventTarget {
  /** @param {number} most bytes that the service takes */
  constructor(most) {
    super();
    this.most = most;
    /** @type {Item[]} */
    this.items = [];
    this.running = false;
  }

  /** Pick up what a reload interrupted. */
  async restore() {
    for (const one of await kept()) {
      const state = /** @type {State} */ (one.file ? "waiting" : "file");
      this.items.push({ ...made(one.name, one.size, one.modified), ...one, state });
    }
    this.changed();
    void this.run();
  }

  /** @param {Iterable<File>} files */
  add(files) {
    const all = [...files];
    const members = together(all);
    for (const file of all) {
      const item = { ...made(file.name, file.size, file.lastModified), file, member: members.get(file) ?? null };
      this.items.unshift(item);
      const fault = file.size > this.most ? TEXT.upload.tooLarge(file.name, this.most) : file.size ? "" : TEXT.upload.empty(file.name);
      if (fault) this.fail(item, fault);
    }
    this.changed();
    void this.run();
  }

  /** Send what waits, one after the other. */
  async run() {
    if (this.running) return;
    this.running = true;
    for (let item = this.next(); item; item = this.next()) await this.send(item);
    this.running = false;
  }

  next() {
    return this.items.findLast(({ state }) => state === "waiting");
  }

  /** @param {Item} item */
  async send(item) {
    item.stop = new AbortController();
    this.become(item, "sending");
    while (item.state === "sending" || item.state === "lost") {
      try {
        await this.sendOnce(item);
        return;
      } catch (error) {
        if (item.stop.signal.aborted) return;
        if (!(error instanceof TypeError)) {
          this.fail(item, wordsOf(error), error);
          return;
        }
        this.become(item, "lost");
        markLost();
        await Promise.race([once(connection, "back"), pause(LOST_WAIT)]);
        if (!item.stop.signal.aborted) this.become(item, "sending");
      }
    }
  }

  /** @param {Item} item */
  async sendOnce(item) {
    if (!item.file) throw new Problem(TEXT.upload.states.file, 0);
    item.location ??= await this.create(item, item.file);
    if (!item.location) {
      await this.sendPlain(item, item.file);
      return;
    }
    let offset = await this.offset(item);
    while (offset < item.size) {
      const begun = offset;
      const answer = await exchange({
        method: "PATCH",
        url: item.location,
        headers: { ...TUS, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" },
        body: item.file.slice(offset, offset + CHUNK),
        signal: item.stop.signal,
        onSent: (count) => this.progress(item, begun + count),
      });
      if (answer.status === LOCKED) await pause(LOOK, item.stop.signal);
      if (answer.status === 409 || answer.status === LOCKED) offset = await this.offset(item);
      else if (answer.status === 204) offset = Number(answer.header("Upload-Offset"));
      else throw problemIn(answer.text, answer.status);
      this.progress(item, offset);
    }
    await this.check(item);
  }

  /**
   * Begin a resumable upload; gives its URL, null where the service takes plain uploads alone.
   * @param {Item} item
   * @param {File} file
   */
  async create(item, file) {
    const yes = base64("true");
    const metadata = [
      `filename ${base64(item.name)}`,
      ...(item.force ? [`force ${yes}`] : []),
      ...(item.member ? [`hold ${yes}`] : []),
    ].join(",");
    const answer = await exchange({
      method: "POST",
      url: serviceUrl("uploads"),
      headers: { ...TUS, "Upload-Length": String(file.size), "Upload-Metadata": metadata },
      signal: item.stop.signal,
    });
    if (TOO_PLAIN.has(answer.status)) return null;
    if (answer.status !== 201) throw problemIn(answer.text, answer.status);
    const location = new URL(answer.header("Location"), document.baseURI).href;
    const { id, name, size, modified, member } = item;
    await keep({ id, name, size, modified, member, location, file });
    return location;
  }

  /** How much of it the service has. @param {Item} item @returns {Promise<number>} */
  async offset(item) {
    const answer = await exchange({ method: "HEAD", url: item.location ?? "", headers: TUS, signal: item.stop.signal });
    if (GONE.has(answer.status) && item.file) {
      item.location = await this.create(item, item.file);
      return 0;
    }
    if (answer.status >= 300) throw problemIn(answer.text, answer.status);
    return Number(answer.header("Upload-Offset"));
  }

  /** Wait until the service has made a scene of it. @param {Item} item */
  async check(item) {
    this.become(item, "checking");
    for (;;) {
      const told = await askJson(item.location ?? "", { signal: item.stop.signal });
      if (told.status === "done") {
        this.arrive(item, told.scene);
        return;
      }
      if (told.status === "held") {
        await this.joinAll(item);
        return;
      }
      if (told.status === "failed") {
        throw problemFrom(told.problem, 422);
      }
      await pause(LOOK, item.stop.signal);
    }
  }

  /** Once the service holds all files of a scene, have it made of them. @param {Item} item */
  async joinAll(item) {
    this.become(item, "held");
    const { member } = item;
    const all = this.items.filter((one) => member && one.member?.group === member.group);
    if (!member || !all.every(({ state }) => state === "held")) return;
    const urls = Object.fromEntries(all.map((one) => [one.member?.polarisation ?? "", one.location ?? ""]));
    for (const one of all) this.become(one, "checking");
    try {
      const scene = await join(urls, member.name, item.stop.signal);
      for (const one of all.filter((other) => other !== item)) {
        void forget(one.id);
        this.items = this.items.filter((other) => other !== one);
      }
      this.arrive(item, scene);
    } catch (error) {
      if (error instanceof Problem) for (const one of all) this.fail(one, error.message, error);
      else throw error;
    }
  }

  /** @param {Item} item @param {File} file */
  async sendPlain(item, file) {
    const answer = await exchange({
      method: "POST",
      url: serviceUrl("scenes", { filename: item.name, force: item.force ? "true" : null }),
      headers: {},
      body: file,
      signal: item.stop.signal,
      onSent: (count) => {
        this.progress(item, count);
        if (count >= item.size) this.become(item, "checking");
      },
    });
    if (answer.status >= 300) throw problemIn(answer.text, answer.status);
    this.arrive(item, JSON.parse(answer.text).id);
  }

  /** @param {Item} item @param {string} scene */
  arrive(item, scene) {
    item.scene = scene;
    item.sent = item.size;
    item.file = null;
    void forget(item.id);
    tellOthers();
    this.become(item, "done");
    this.dispatchEvent(new CustomEvent("arrived", { detail: scene }));
  }

  /** @param {Item} item @param {string} problem in words @param {unknown} [error] */
  fail(item, problem, error) {
    item.problem = problem;
    item.forcible = error instanceof Problem && error.type === UNLIKE_SAR;
    void forget(item.id);
    this.become(item, "failed");
  }

  /** @param {Item} item */
  pause(item) {
    item.stop.abort();
    this.become(item, "paused");
  }

  /** @param {Item} item */
  resume(item) {
    this.become(item, "waiting");
    void this.run();
  }

  /** Send it once more from the start. @param {Item} item @param {boolean} force */
  again(item, force) {
    Object.assign(item, { location: null, sent: 0, problem: "", force });
    this.resume(item);
  }

  /** Go on with a file that was chosen again. @param {Item} item @param {File} file */
  give(item, file) {
    if (file.size !== item.size || file.name !== item.name) {
      item.problem = TEXT.upload.otherFile(item.name);
      this.changed();
      return;
    }
    item.problem = "";
    item.file = file;
    this.resume(item);
  }

  /** Stop it, and have the service forget what came. @param {Item} item */
  cancel(item) {
    item.stop.abort();
    this.items = this.items.filter((one) => one !== item);
    if (item.location && item.state !== "done") {
      void remove(item.location).catch(() => undefined);
    }
    void forget(item.id);
    this.changed();
  }

  /** @param {Item} item @param {number} sent */
  progress(item, sent) {
    const now = performance.now();
    const { at, from } = rates.get(item) ?? { at: now, from: sent };
    if (now - at > 500 && sent > from) {
      item.rate = (1000 * (sent - from)) / (now - at);
      rates.set(item, { at: now, from: sent });
    } else if (!rates.has(item) || sent < from) {
      rates.set(item, { at: now, from: sent });
    }
    item.sent = sent;
    this.changed();
  }

  /** @param {Item} item @param {State} state */
  become(item, state) {
    item.state = state;
    if (state !== "sending") {
      item.rate = 0;
      rates.delete(item);
    }
    this.changed();
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** @type {WeakMap<Item, {at: number, from: number}>} */
const rates = new WeakMap();

/** @param {string} name @param {number} size @param {number} modified @returns {Item} */
const made = (name, size, modified) => ({
  id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`,
  name, size, modified, file: null, location: null, state: "waiting", sent: 0, rate: 0, problem: "", forcible: false,
  force: false, scene: null, member: null, stop: new AbortController(),
});

/** UTF-8 as base64, as tus wants metadata. @param {string} text */
const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/** @param {EventTarget} target @param {string} name @returns {Promise<void>} */
const once = (target, name) => new Promise((resolve) => target.addEventListener(name, () => resolve(), { once: true }));

/** Have the service forget an upload, once the piece that was under way has ended there too. @param {string} url */
async function remove(url) {
  for (let tries = 0; tries < REMOVALS; tries += 1) {
    const { status } = await exchange({ method: "DELETE", url, headers: TUS });
    if (status !== LOCKED) return;
    await pause(LOOK);
  }
}

/** @typedef {{status: number, text: string, header: (name: string) => string}} Answer */

/**
 * One exchange by XMLHttpRequest, which tells how much was sent; fetch does not.
 * @param {{method: string, url: string, headers: Record<string, string>, body?: Blob, signal?: AbortSignal,
 *   onSent?: (count: number) => void}} options
 * @returns {Promise<Answer>}
 */
function exchange({ method, url, headers, body, signal, onSent }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries({ ...keyHeaders(), ...headers })) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onSent?.(event.loaded);
    request.onload = () =>
      resolve({ status: request.status, text: request.responseText, header: (name) => request.getResponseHeader(name) ?? "" });
    request.onerror = () => reject(new TypeError("no answer"));
    request.onabort = () => reject(new Error("stopped"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(body ?? null);
  });
}
