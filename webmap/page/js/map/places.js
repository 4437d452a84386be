// Places as people write them: degrees in several spellings, or the coordinates of a scene's own grid.

import { coordinatesAt } from "./coordinates.js";
import { hemispheres } from "../language.js";

/** @typedef {import("../types.js").Coordinates} Coordinates */
/** @typedef {[latitude: number, longitude: number]} Place */

/** One angle: a letter before or behind, and one to three numbers. */
const ANGLE = /^([a-z])?\s*([+-]?\d+(?:\.\d+)?)\s*(?:[°d:\s]\s*(\d+(?:\.\d+)?)\s*(?:['m:\s]\s*(\d+(?:\.\d+)?)\s*(?:"|''|s)?)?'?)?[°d'm]?\s*([a-z])?$/i;
const STEPS = 30;
const NEAR = 1e-4;

/**
 * Latitude and longitude of what was written; null where it is no place in degrees. Latitude comes first, unless
 * letters say otherwise or only the other order is possible.
 * @param {string} written
 * @returns {Place | null}
 */
export function placeOf(written) {
  const halves = halvesOf(written);
  const [one, other] = halves?.map(angleOf) ?? [];
  if (!one || !other) return null;
  const swapped = one.axis === "x" || other.axis === "y" || (!one.axis && !other.axis && Math.abs(one.degrees) > 90);
  const [latitude, longitude] = swapped ? [other, one] : [one, other];
  if (latitude.axis === "x" || longitude.axis === "y" || Math.abs(latitude.degrees) > 90 || Math.abs(longitude.degrees) > 360) return null;
  return [latitude.degrees, longitude.degrees];
}

/** Two numbers of a grid, such as UTM's. @param {string} written @returns {[number, number] | null} */
export function pairOf(written) {
  const found = /^\s*(-?[\d.]+)\s*[,;\s]\s*(-?[\d.]+)\s*$/.exec(plain(written));
  const [x, y] = [Number(found?.[1]), Number(found?.[2])];
  return Number.isFinite(x) && Number.isFinite(y) ? [x, y] : null;
}

/**
 * The place of a scene's own coordinates, by Newton's way from its middle; null where that is not in the scene.
 * @param {Coordinates} way @param {[number, number]} wanted @returns {L.LatLng | null}
 */
export function placeOfGrid(way, [wantedX, wantedY]) {
  let place = L.latLng(way.centre[1], way.centre[0]);
  for (let step = 0; step < STEPS; step += 1) {
    const at = coordinatesAt(way, place);
    const east = coordinatesAt(way, L.latLng(place.lat, place.lng + NEAR));
    const north = coordinatesAt(way, L.latLng(place.lat + NEAR, place.lng));
    if (!at || !east || !north) return null;
    const [dx, dy] = [wantedX - at[0], wantedY - at[1]];
    const [a, b, c, d] = [(east[0] - at[0]) / NEAR, (north[0] - at[0]) / NEAR, (east[1] - at[1]) / NEAR, (north[1] - at[1]) / NEAR];
    const turn = a * d - b * c;
    const [lng, lat] = [(dx * d - b * dy) / turn, (a * dy - c * dx) / turn];
    place = L.latLng(place.lat + lat, place.lng + lng);
    if (Math.hypot(lat, lng) < 1e-9) return place;
  }
  return null;
}

/** @param {string} written */
const plain = (written) =>
  written
    .trim()
    .replace(/[\u2212\u2013]/g, "-")
    .replace(/[\u2032\u2019\u00b4]/g, "'")
    .replace(/[\u2033\u201d]/g, '"')
    .replace(/\u00ba/g, "°")
    .replace(/\u00a0/g, " ");

/** The two angles of a line, apart. @param {string} written @returns {string[] | null} */
function halvesOf(written) {
  let text = plain(written).replace(/^geo:/i, "").replace(/^.*@(?=-?\d)/, "").replace(/[?].*$/, "");
  // 52,5 13,4 and 52,5; 13,4 as many countries write; 52.5, 13.4 else.
  const commas = text.split(",").length - 1;
  if (commas === 2 && !text.includes(".") && /\d,\d/.test(text)) text = text.replace(/(\d),(\d)/g, "$1.$2");
  const parts = text.split(/[;,]/).map((part) => part.trim()).filter(Boolean);
  if (parts.length === 2 || (parts.length === 3 && /^\d+(\.\d+)?[zm]?$/.test(parts[2] ?? ""))) return parts.slice(0, 2);
  if (parts.length !== 1) return null;
  const lettered = /^(.*\d[^a-z]*[a-z])\s*(\S.*)$/i.exec(text) ?? /^([a-z][^a-z]*)([a-z].*)$/i.exec(text);
  const words = text.split(/\s+/);
  if (words.length === 2) return words;
  if (/^[a-z]/i.test(text)) return /^([a-z][^a-z]*)([a-z].*)$/i.exec(text)?.slice(1, 3) ?? null;
  return lettered ? lettered.slice(1, 3) : words.length % 2 === 0 ? [words.slice(0, words.length / 2).join(" "), words.slice(words.length / 2).join(" ")] : null;
}

/** @param {string} text @returns {{degrees: number, axis: "x" | "y" | null} | null} */
function angleOf(text) {
  const found = ANGLE.exec(text.trim());
  if (!found || (found[1] && found[5])) return null;
  const letter = (found[1] ?? found[5] ?? "").toUpperCase();
  const { north, south, east, west } = hemispheres;
  const [up, down, right, left] = [["N", north], ["S", south], ["E", east], ["W", west]].map((known) => known.includes(letter));
  // A letter of this language wins: O is east in German, west in Spanish.
  const [isEast, isWest] = letter === west ? [false, true] : letter === east ? [true, false] : [right, left];
  if (letter && !(up || down || isEast || isWest)) return null;
  const [minutes, seconds] = [Number(found[3] ?? 0), Number(found[4] ?? 0)];
  if (minutes >= 60 || seconds >= 60) return null;
  const whole = Number(found[2]);
  const size = Math.abs(whole) + minutes / 60 + seconds / 3600;
  const negative = (found[2] ?? "").startsWith("-") !== (down || isWest);
  return { degrees: negative ? -size : size, axis: up || down ? "y" : letter ? "x" : null };
}
