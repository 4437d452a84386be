// What "synthetic" means, and the model's own card: Markdown made into elements, never into HTML.

import { ask, askJson } from "../service/api.js";
import { dialog } from "../dialogs.js";
import { h } from "../dom.js";
import { TEXT } from "../texts.js";

/** @typedef {import("../types.js").Model} Model */

/**
 * Explain, and show the card of the model.
 * @param {string} name
 */
export async function showCard(name) {
  const text = await ask(`models/${encodeURIComponent(name)}/card`)
    .then((answer) => answer.text())
    .catch(() => TEXT.synthetic.noCard);
  /** @type {Model | undefined} */
  const model = await askJson("models")
    .then(({ models }) => models.find((/** @type {Model} */ one) => one.name === name))
    .catch(() => undefined);
  await dialog(
    TEXT.synthetic.title,
    [
      h("p", { class: "lead" }, TEXT.synthetic.what),
      h("p", { class: "warning-text" }, TEXT.synthetic.not),
      model ? h("p", {}, TEXT.synthetic.madeBy(`${model.name} ${model.version}. ${model.description}`)) : null,
      h("h3", {}, TEXT.synthetic.card),
      h("div", { class: "card-text" }, ...markdown(text)),
    ],
    [{ label: TEXT.close, value: "", kind: "primary" }],
    "wide",
  );
}

/**
 * Headings, paragraphs, lists and tables of a Markdown text as elements.
 * @param {string} text
 * @returns {HTMLElement[]}
 */
export function markdown(text) {
  return text
    .split(/\n\s*\n/)
    .map((block) => block.trim())
    .filter(Boolean)
    .flatMap((block) => {
      const heading = /^(#{1,6})\s+(.*)/.exec(block);
      if (heading) {
        const rest = block.slice(heading[0].length).trim();
        return [h("h4", {}, ...inline(heading[2] ?? "")), ...(rest ? markdown(rest) : [])];
      }
      if (block.startsWith("|")) return [table(block)];
      if (/^[-*]\s/.test(block)) {
        return [h("ul", {}, ...block.split(/\n[-*]\s+/).map((item) => h("li", {}, ...inline(item.replace(/^[-*]\s+/, "")))))];
      }
      return [h("p", {}, ...inline(block))];
    });
}

/** @param {string} text @returns {import("../dom.js").Child[]} */
function inline(text) {
  return text
    .replace(/\s+/g, " ")
    .split(/(\*\*[^*]+\*\*|`[^`]+`|\*[^*]+\*)/)
    .map((part) => {
      if (part.startsWith("**")) return h("strong", {}, part.slice(2, -2));
      if (part.startsWith("`")) return h("code", {}, part.slice(1, -1));
      if (part.startsWith("*") && part.endsWith("*") && part.length > 2) return h("em", {}, part.slice(1, -1));
      return part.replace(/\[([^\]]+)\]\([^)]+\)/g, "$1");
    });
}

/** @param {string} block */
function table(block) {
  const rows = block
    .split("\n")
    .filter((line) => !/^\|[\s:|-]+\|$/.test(line))
    .map((line) => line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim()));
  const [head = [], ...body] = rows;
  const named = head.some(Boolean);
  return h(
    "div",
    { class: "table", tabindex: 0 },
    h(
      "table",
      {},
      named ? h("thead", {}, h("tr", {}, ...head.map((cell) => h("th", { scope: "col" }, ...inline(cell))))) : null,
      h("tbody", {}, ...body.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, ...inline(cell)))))),
    ),
  );
}
