// Numbers as people read them.

import { hemispheres, locale } from "./language.js";
import { wrapped } from "./map/coordinates.js";

const QUOTED = /"([^"]+)"/;

/** @param {number} value @param {number} [digits] */
export const number = (value, digits = 0) =>
  value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "\u2212");

/** @param {number} count */
export function bytes(count) {
  const steps = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  let value = count;
  while (value >= 1000 && step < steps.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${number(value, step === 0 || value >= 100 ? 0 : 1)} ${steps[step]}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** @param {number} metres */
export function length(metres) {
  if (metres < 1000) return `${number(metres, metres < 10 ? 1 : 0)} m`;
  return `${number(metres / 1000, metres < 100_000 ? 2 : 0)} km`;
}

/** A round length, as a scale bar has it. @param {number} metres */
export const round = (metres) => (metres < 1000 ? `${number(metres)} m` : `${number(metres / 1000)} km`);

/** @param {number} squareMetres */
export function area(squareMetres) {
  if (squareMetres < 10_000) return `${number(squareMetres)} m²`;
  if (squareMetres < 1_000_000) return `${number(squareMetres / 10_000, 1)} ha`;
  return `${number(squareMetres / 1_000_000, 2)} km²`;
}

/** @param {string} time */
export const day = (time) =>
  new Date(time).toLocaleDateString(locale, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** @param {string} time */
export const moment = (time) =>
  new Date(time).toLocaleString(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }).replace(",", "");

/** What a CRS is called: its code, else its name. @param {string | null} crs as code or WKT */
export const crsName = (crs) => QUOTED.exec(crs ?? "")?.[1] ?? crs ?? "";

/** Degrees with their hemisphere. @param {number} latitude @param {number} longitude @param {number} [digits] */
export function degrees(latitude, longitude, digits = 5) {
  const turn = wrapped(longitude);
  return (
    `${number(Math.abs(latitude), digits)}° ${latitude < 0 ? hemispheres.south : hemispheres.north}\u00a0 ` +
    `${number(Math.abs(turn), digits)}° ${turn < 0 ? hemispheres.west : hemispheres.east}`
  );
}

/** Polarisations in a line; what the file does not say is not shown as if it did. @param {string[]} names @param {string} unknown */
export const polarisations = (names, unknown) => names.map((name) => (name === "unknown" ? unknown : name)).join(" + ");

/** The unit of a scene's values as the service shows them; amplitudes have any scale. @param {string} unit */
export const shownUnit = (unit) => (unit === "picture" ? "" : unit === "amplitude" || unit === "dn" ? "dB, relative" : "dB");

/** A value of the radar without its unit: grey values are whole. @param {number} value @param {string} unit of the scene */
export const level = (value, unit) => number(value, shownUnit(unit) ? 1 : 0);

/**
 * The range that the service shows by default.
 * @param {import("./types.js").Scene} scene
 * @param {string} band
 * @returns {[number, number]}
 */
export function usualRange(scene, band) {
  const figures = Object.values(scene.description.statistics)[Number(band) - 1];
  return figures ? [figures.p02, figures.p98] : [0, 1];
}
