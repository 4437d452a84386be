// Following a translation: by server-sent events, and by asking where these do not come through.

import { serviceUrl, ask, askJson, connection, hasKey, pause, Problem, sendJson } from "./api.js";

/** @typedef {import("../types.js").Job} Job */

const POLL = 1000;
const FAULTS = 2;

/** @param {Job} job */
export const isLive = (job) => job.status === "accepted" || job.status === "running";

/**
 * Begin a translation.
 * @param {Record<string, unknown>} inputs
 * @returns {Promise<Job>}
 */
export const translate = (inputs) =>
  sendJson("processes/translate/execution", "POST", { inputs }, { Prefer: "respond-async" });

/** @param {string} id */
export const dismiss = (id) => ask(`jobs/${id}`, { method: "DELETE" });

/**
 * Translations that wait or run, of one scene or of all.
 * @param {string} [scene]
 * @returns {Promise<Job[]>}
 */
export async function underWay(scene) {
  const url = new URL(serviceUrl("jobs", { scene, limit: 100 }));
  url.searchParams.append("status", "accepted");
  url.searchParams.append("status", "running");
  const { jobs } = await askJson(url.href);
  return jobs.filter((/** @type {Job} */ job) => job.processID === "translate" && isLive(job));
}

/**
 * Tell every change of a job until it is over; gives a function that stops that.
 * @param {string} id
 * @param {(job: Job) => void} onChange
 * @returns {() => void}
 */
export function follow(id, onChange) {
  let over = false;
  let faults = 0;
  /** @type {EventSource | null} */
  let events = null;

  const stop = () => {
    over = true;
    events?.close();
    connection.removeEventListener("back", listen);
  };

  /** @param {Job} job */
  const tell = (job) => {
    if (over) return;
    if (!isLive(job)) stop();
    onChange(job);
  };

  const poll = async () => {
    events?.close();
    events = null;
    while (!over) {
      try {
        tell(await askJson(`jobs/${id}`));
      } catch (error) {
        if (error instanceof Problem && error.status === 404) stop();
      }
      if (!over) await pause(POLL);
    }
  };

  const listen = () => {
    if (over || events) return;
    events = new EventSource(serviceUrl(`jobs/${id}/events`));
    events.addEventListener("status", (event) => {
      faults = 0;
      tell(JSON.parse(event.data));
    });
    events.addEventListener("error", () => {
      faults += 1;
      if (faults >= FAULTS && !over) void poll();
    });
  };

  // An event source cannot carry a key.
  if (hasKey() || !("EventSource" in window)) void poll();
  else listen();
  return stop;
}
