// In which language the page speaks: the one that was chosen, else the first of the browser's that there is.

const SETTING = "geosar-language";

/** What each language calls itself. @type {Record<string, string>} */
export const LANGUAGES = { en: "English", de: "Deutsch", es: "Español" };
/** How numbers and dates are written. @type {Record<string, string>} */
const LOCALES = { en: "en-GB", de: "de-DE", es: "es-ES" };
/** North, south, east and west in a letter each. @type {Record<string, string>} */
const HEMISPHERES = { en: "NSEW", de: "NSOW", es: "NSEO" };

const asked = [localStorage.getItem(SETTING) ?? "", ...navigator.languages].map((tag) => tag.slice(0, 2).toLowerCase());
export const language = asked.find((one) => one in LANGUAGES) ?? "en";
export const locale = LOCALES[language] ?? "en-GB";
const [north = "N", south = "S", east = "E", west = "W"] = HEMISPHERES[language] ?? "NSEW";
export const hemispheres = { north, south, east, west };
document.documentElement.lang = language;

/** Speak another language from now on. @param {string} wanted */
export function speak(wanted) {
  localStorage.setItem(SETTING, wanted);
  location.reload();
}
