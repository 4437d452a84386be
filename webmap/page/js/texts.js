// Every word that the page says, in the language that the reader has: one file each, of the same names.

import { language } from "./language.js";
import { TEXT as ENGLISH } from "./texts/en.js";

/** @type {typeof ENGLISH} */
export const TEXT = language === "en" ? ENGLISH : (await import(`./texts/${language}.js`)).TEXT;
