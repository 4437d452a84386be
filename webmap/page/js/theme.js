// Light or dark: as the system has it, or as the person chose.

const SETTING = "geosar-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

const chosen = localStorage.getItem(SETTING);
if (chosen) document.documentElement.dataset.theme = chosen;

/** @type {(() => void)[]} */
const listeners = [];
const tell = () => listeners.forEach((one) => one());
system.addEventListener("change", tell);

/** @param {() => void} listener */
export const onThemeChange = (listener) => listeners.push(listener);

/** A colour of the style sheets as it is now, for what is no element. @param {string} name such as --land */
export function colourOf(name) {
  const probe = document.createElement("i");
  probe.hidden = true;
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** From light to dark and back. */
export function cycleTheme() {
  const now = document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem(SETTING, next);
  tell();
}
