// Single keys as shortcuts, and the help that lists them.

import { dialog } from "./dialogs.js";
import { h } from "./dom.js";
import { language, LANGUAGES, speak } from "./language.js";
import { serviceUrl } from "./service/api.js";
import { TEXT } from "./texts.js";

const SETTING = "geosar-keys";
const TYPED = "input:not([type=checkbox]):not([type=range]), textarea, select, dialog *";

/**
 * @typedef {object} Shortcut
 * @property {string} key
 * @property {string} label
 * @property {() => void} down
 * @property {() => void} [up]
 */

/** Whether single keys are shortcuts; some people's speech input types them. */
const areOn = () => localStorage.getItem(SETTING) !== "off";

/** Note in the page whether it is used by keys or by hand: a ring around what Enter would act on is for keys. */
function noteHands() {
  const { dataset } = document.documentElement;
  document.addEventListener("pointerdown", () => (dataset.by = "hand"), true);
  document.addEventListener("keydown", () => (dataset.by = "keys"), true);
}

/** @param {Shortcut[]} shortcuts @param {() => void} onEscape */
export function listenToKeys(shortcuts, onEscape) {
  noteHands();
  const known = new Map(shortcuts.map((one) => [one.key, one]));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog")) onEscape();
    const typing = event.target instanceof Element && event.target.matches(TYPED);
    if (!areOn() || typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const found = known.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (!found) return;
    event.preventDefault();
    found.down();
  });
  document.addEventListener("keyup", (event) => known.get(event.key.toLowerCase())?.up?.());
  window.addEventListener("blur", () => shortcuts.forEach((one) => one.up?.()));
}

/** The switch between languages; it is named in all of them by what each calls itself. */
function languageRow() {
  const chosen = h("select", { class: "field", value: language, onchange: () => speak(chosen.value) }, ...Object.entries(LANGUAGES).map(([code, name]) => h("option", { value: code, lang: code }, name)));
  return h("label", { class: "row" }, h("span", {}, TEXT.help.language), chosen);
}

/** @param {Shortcut[]} shortcuts @param {string} version */
export async function showHelp(shortcuts, version) {
  const on = h("input", { type: "checkbox", checked: areOn(), onchange: () => localStorage.setItem(SETTING, on.checked ? "on" : "off") });
  await dialog(
    TEXT.help.title,
    [
      languageRow(),
      h("p", {}, TEXT.help.about),
      h("label", { class: "check" }, on, h("span", {}, TEXT.help.keysOn)),
      h(
        "dl",
        { class: "keys" },
        ...[...shortcuts, { key: "Esc", label: TEXT.keys.escape }].flatMap(({ key, label }) => [
          h("dt", {}, h("kbd", {}, key.length === 1 ? key.toUpperCase() : key)),
          h("dd", {}, label),
        ]),
      ),
      h("p", {}, h("a", { href: serviceUrl("docs") }, TEXT.help.documentation), ` · ${TEXT.help.version(version)}`),
      h("p", { class: "hint-text" }, TEXT.map.source),
    ],
    [{ label: TEXT.close, value: "", kind: "primary" }],
  );
}
