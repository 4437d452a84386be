// Longitude and latitude to the grid of a scene, for the grids that SAR comes on; WGS 84 throughout.
// Series for transverse Mercator: Karney (2011), "Transverse Mercator with an accuracy of a few nanometers", to n^3.

const A = 6378137;
const F = 1 / 298.257223563;
const E2 = F * (2 - F);
const E = Math.sqrt(E2);
const N = F / (2 - F);
const RADIUS = (A / (1 + N)) * (1 + N ** 2 / 4 + N ** 4 / 64);
const ALPHA = [
  N / 2 - (2 / 3) * N ** 2 + (5 / 16) * N ** 3,
  (13 / 48) * N ** 2 - (3 / 5) * N ** 3,
  (61 / 240) * N ** 3,
];
const SCALE = 0.9996;
const EASTING = 500000;
const SOUTHERN = 10000000;

/** @typedef {[number, number]} Pair */
/** @typedef {(longitude: number, latitude: number) => Pair} Forward */

/** @param {number} degrees */
const radians = (degrees) => (degrees * Math.PI) / 180;

/**
 * The way from longitude and latitude to the CRS, or null where the page does not know it.
 * @param {string | null} crs such as EPSG:32643
 * @returns {Forward | null}
 */
export function projection(crs) {
  const code = Number(/^EPSG:(\d+)$/i.exec(crs ?? "")?.[1]);
  if (code === 4326) return (longitude, latitude) => [longitude, latitude];
  if (code === 3857) return (longitude, latitude) => [A * radians(longitude), A * Math.asinh(Math.tan(radians(latitude)))];
  if (code === 3395) return mercator;
  if (code > 32600 && code <= 32660) return utm(code - 32600, 0);
  if (code > 32700 && code <= 32760) return utm(code - 32700, SOUTHERN);
  if (code === 3413) return polar(-45, 70, 1);
  if (code === 3995) return polar(0, 71, 1);
  if (code === 3031) return polar(0, 71, -1);
  return null;
}

/** Whether the grid's numbers are degrees. @param {string | null} crs */
export const isGeographic = (crs) => crs === "EPSG:4326";

/** @type {Forward} */
function mercator(longitude, latitude) {
  return [A * radians(longitude), A * conformal(radians(latitude))];
}

/** Isometric latitude. @param {number} phi */
function conformal(phi) {
  return Math.asinh(Math.tan(phi)) - E * Math.atanh(E * Math.sin(phi));
}

/** @param {number} zone @param {number} northing @returns {Forward} */
function utm(zone, northing) {
  const middle = radians(6 * zone - 183);
  return (longitude, latitude) => {
    const t = Math.sinh(conformal(radians(latitude)));
    const lambda = radians(longitude) - middle;
    const xi = Math.atan2(t, Math.cos(lambda));
    const eta = Math.asinh(Math.sin(lambda) / Math.hypot(t, Math.cos(lambda)));
    let x = eta;
    let y = xi;
    ALPHA.forEach((alpha, index) => {
      const turn = 2 * (index + 1);
      x += alpha * Math.cos(turn * xi) * Math.sinh(turn * eta);
      y += alpha * Math.sin(turn * xi) * Math.cosh(turn * eta);
    });
    return [EASTING + SCALE * RADIUS * x, northing + SCALE * RADIUS * y];
  };
}

/** @param {number} middle @param {number} trueScale @param {1 | -1} pole @returns {Forward} */
function polar(middle, trueScale, pole) {
  /** @param {number} phi */
  const t = (phi) => Math.exp(-conformal(phi));
  const fixed = radians(trueScale);
  const m = Math.cos(fixed) / Math.sqrt(1 - E2 * Math.sin(fixed) ** 2);
  return (longitude, latitude) => {
    const rho = (A * m * t(radians(pole * latitude))) / t(fixed);
    const theta = radians(longitude - middle);
    return [rho * Math.sin(theta), -pole * rho * Math.cos(theta)];
  };
}
