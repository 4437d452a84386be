// Longitude and latitude to a scene's own coordinates: polynomials that the service fitted; see
// tiler/routes/coordinates.py.

/** @typedef {import("../types.js").Coordinates} Coordinates */
/** @typedef {[number, number]} Pair */

/** @param {number} degrees */
const radians = (degrees) => (degrees * Math.PI) / 180;

/** An angle between -180 and 180. @param {number} degrees */
export const wrapped = (degrees) => ((((degrees + 180) % 360) + 360) % 360) - 180;

/** A longitude as maps count it, between -180 and 180. @param {number} degrees */
export const within = (degrees) => (Math.abs(degrees) <= 180 ? degrees : wrapped(degrees));

/**
 * The middle of a box whose west is greater than its east across the antimeridian.
 * @param {[number, number, number, number]} box
 * @returns {[number, number]} latitude and longitude
 */
export const middleOf = ([west, south, east, north]) => [
  (south + north) / 2,
  within((west + (east < west ? east + 360 : east)) / 2),
];

/**
 * x and y in the scene's CRS, null where the scene is far.
 * @param {Coordinates} way @param {L.LatLng} place @returns {Pair | null}
 */
export function coordinatesAt({ plane, centre, window: [left, bottom, right, top], x, y }, { lng, lat }) {
  const turn = wrapped(lng - centre[0]);
  const [p, q] = plane === "degrees" ? [turn, lat] : stereographic(radians(turn), radians(lat), radians(centre[1]));
  const u = (2 * p - left - right) / (right - left);
  const v = (2 * q - bottom - top) / (top - bottom);
  return Math.abs(u) > 1 || Math.abs(v) > 1 ? null : [sum(x, u, v), sum(y, u, v)];
}

/** @param {number} turn @param {number} phi @param {number} phi0 @returns {Pair} */
function stereographic(turn, phi, phi0) {
  const k = 1 + Math.sin(phi0) * Math.sin(phi) + Math.cos(phi0) * Math.cos(phi) * Math.cos(turn);
  const q = Math.cos(phi0) * Math.sin(phi) - Math.sin(phi0) * Math.cos(phi) * Math.cos(turn);
  return [(Math.cos(phi) * Math.sin(turn)) / k, q / k];
}

/** Chebyshev's polynomial of this degree. @param {number} degree @param {number} value */
const chebyshev = (degree, value) => Math.cos(degree * Math.acos(value));

/** @param {number[][]} coefficients @param {number} u @param {number} v */
const sum = (coefficients, u, v) =>
  coefficients.flatMap((row, i) => row.map((one, j) => one * chebyshev(i, u) * chebyshev(j, v))).reduce((all, one) => all + one, 0);
