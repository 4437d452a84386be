// Files that differ in their polarisation alone are one scene: which belong together, and how they are joined.

import { pause, problemFrom, askJson, sendJson } from "./api.js";

/** The number of the file in its product, which Sentinel-1 writes last: `...-vv-...-001.tiff`, `...-vh-...-002.tiff`. */
const NUMBERED = /^(s1.-.*)-00\d(\.tiff?)$/;
const POLARISATION = /(^|[-_. ])(vv|vh|hh|hv)(?=[-_. ]|$)/i;
/** The order in which the bands of a scene are usually named. */
const ORDER = ["VV", "VH", "HH", "HV"];
const LOOK = 300;

/** @typedef {{group: string, polarisation: string, name: string}} Membership */

/**
 * Say which files belong together: two or more chosen at once, of different polarisations, else of one name.
 * @param {File[]} files
 * @returns {Map<File, Membership>}
 */
export function together(files) {
  /** @type {Map<string, Map<string, File>>} */
  const groups = new Map();
  for (const file of files) {
    const polarisation = POLARISATION.exec(file.name)?.[2]?.toUpperCase();
    if (!polarisation) continue;
    const rest = file.name.toLowerCase().replace(NUMBERED, "$1$2").replace(POLARISATION, "$1*");
    const members = groups.get(rest) ?? new Map();
    if (!members.has(polarisation)) groups.set(rest, members.set(polarisation, file));
  }
  const found = new Map();
  for (const members of groups.values()) {
    if (members.size < 2) continue;
    const group = crypto.randomUUID?.() ?? String(Math.random());
    const kinds = ORDER.filter((one) => members.has(one));
    for (const [polarisation, file] of members) {
      const name = file.name.replace(/\.[^.]*$/, "").replace(POLARISATION, `$1${kinds.join("_")}`);
      found.set(file, { group, polarisation, name });
    }
  }
  return found;
}

/**
 * Make one scene of uploads that the service holds; gives its id.
 * @param {Record<string, string>} urls of the uploads, by polarisation
 * @param {string} name
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
export async function join(urls, name, signal) {
  const uploads = Object.fromEntries(
    ORDER.flatMap((one) => (urls[one] ? [[one, urls[one].split("/").at(-1)]] : [])),
  );
  let told = await sendJson("scenes", "POST", { uploads, name });
  // A scene that is made at once is the answer itself; else it is an upload to ask for.
  while (told.status === "checking" || told.status === "receiving" || told.status === "held") {
    await pause(LOOK, signal);
    told = await askJson(`uploads/${told.id}`, { signal });
  }
  if (told.status === "failed") {
    throw problemFrom(told.problem, 422);
  }
  return told.status === "done" ? told.scene : told.id;
}
