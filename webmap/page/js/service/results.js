// What was made of a scene: one result a job, with its files, its model, and the name that somebody gave it.

import { serviceUrl, ask, askJson, sendJson } from "./api.js";
import { TEXT } from "../texts.js";
import { moment } from "../units.js";

/** @typedef {import("../types.js").Job} Job */
/** @typedef {import("../types.js").Result} Result */
/** @typedef {import("../types.js").Scene} Scene */

const MOST = 100;

/**
 * The results of a scene, the newest first.
 * @param {Scene} scene
 * @returns {Promise<Result[]>}
 */
export async function resultsOf(scene) {
  if (!scene.jobs.length) return [];
  const { jobs } = await askJson(serviceUrl("jobs", { scene: scene.id, status: "successful", limit: MOST }));
  const known = new Map(/** @type {Job[]} */ (jobs).map((job) => [job.jobID, job]));
  const found = await Promise.all(scene.jobs.slice(0, MOST).map((id) => resultOf(scene, known.get(id)).catch(() => null)));
  return found.filter((one) => one !== null);
}

/** @param {Scene} scene @param {Job | undefined} job @returns {Promise<Result | null>} */
async function resultOf(scene, job) {
  if (!job) return null;
  const { report, ...files } = await askJson(`jobs/${job.jobID}/results`);
  const { model = "", model_version = "", precision = "", width, height, warnings = [] } = report.value;
  const made = `${model} ${model_version}`.trim();
  const { description } = scene;
  const asSent = width === description.width && height === description.height;
  const when = job.finished ? moment(job.finished) : "";
  return {
    job: job.jobID,
    label: job.name || [made, when].filter(Boolean).join(", "),
    about: [...(job.name ? [made, when] : []), TEXT.results.precisions[precision] ?? "", asSent ? "" : TEXT.results.size(width, height)]
      .filter(Boolean)
      .join(" · "),
    files,
    warnings: job.formerReading ? [TEXT.results.former, ...warnings] : warnings,
  };
}

/** @param {string} job @param {string} name */
export const nameResult = (job, name) => sendJson(`jobs/${job}`, "PATCH", { name });

/** @param {string} job */
export const removeResult = (job) => ask(`jobs/${job}`, { method: "DELETE" });
