// What asks or tells in the middle of the page: the browser's own dialog element, and short notes that go by themselves.

import { button, byId, h, icon } from "./dom.js";
import { TEXT } from "./texts.js";

const NOTE_MILLISECONDS = 5000;

/**
 * Show a dialog; settles with the value of the button that closed it, "" when it was dismissed.
 * @param {string} title
 * @param {import("./dom.js").Child[]} content
 * @param {{label: string, value: string, kind?: string}[]} choices
 * @param {string} [kind]
 * @returns {Promise<string>}
 */
export function dialog(title, content, choices, kind = "") {
  const form = h("form", { method: "dialog" });
  const heading = h("h2", { id: "dialog-title" }, title);
  const close = button({ icon: "close", label: TEXT.close, bare: true, onclick: () => element.close("") });
  form.append(
    h("header", {}, heading, close),
    h("div", { class: "dialog-body", ...(content.length > 4 ? { tabindex: 0 } : {}) }, ...content),
    h(
      "footer",
      {},
      ...choices.map((one) => h("button", { class: `button ${one.kind ?? ""}`, value: one.value }, one.label)),
    ),
  );
  const element = h("dialog", { class: `dialog ${kind}`, "aria-labelledby": "dialog-title" }, form);
  return new Promise((resolve) => {
    element.addEventListener("close", () => {
      element.remove();
      resolve(element.returnValue);
    });
    element.addEventListener("click", (event) => {
      if (event.target === element) element.close("");
    });
    document.body.append(element);
    element.showModal();
  });
}

/**
 * Ask before something that cannot be undone.
 * @param {string} title @param {string} explain @param {string} yes
 */
export async function confirmed(title, explain, yes) {
  const answer = await dialog(
    title,
    [h("p", {}, explain)],
    [
      { label: TEXT.cancel, value: "" },
      { label: yes, value: "yes", kind: "danger" },
    ],
  );
  return answer === "yes";
}

/**
 * Ask for a line of text; null when the person thought better of it.
 * @param {{title: string, label: string, value?: string, yes: string, explain?: string, type?: string}} options
 * @returns {Promise<string | null>}
 */
export async function asked({ title, label, value = "", yes, explain, type = "text" }) {
  const input = h("input", { type, value, maxlength: 200, autocomplete: "off", required: true, class: "field" });
  const answer = dialog(
    title,
    [explain ? h("p", {}, explain) : null, h("label", { class: "stacked" }, h("span", {}, label), input)],
    [{ label: yes, value: "yes", kind: "primary" }],
  );
  input.select();
  return (await answer) === "yes" && input.value.trim() ? input.value.trim() : null;
}

/**
 * Say something that goes away by itself.
 * @param {string} text
 * @param {"good" | "bad" | ""} [kind]
 */
export function note(text, kind = "") {
  const element = h("div", { class: `note ${kind}` }, icon(kind === "bad" ? "warning" : "check"), h("span", {}, text));
  byId("notes").append(element);
  setTimeout(() => element.remove(), NOTE_MILLISECONDS);
}
