// Speaking with the service: keys, problems in plain words, and noticing when it is gone and when it is back.

import { TEXT } from "../texts.js";
import { tellOthers } from "./tabs.js";

const KEY = "geosar-key";
const RETRIES = 40;
const PATIENCE = 10;
const KNOCK_MILLISECONDS = 1500;
/** Refused for what it seems to be, not for what it is: may be taken all the same. */
export const UNLIKE_SAR = "urn:geosar:problem:unlike-sar";
/** All but the first sentence. */
const ADVICE = /\. [A-Z].*$/s;

/** What the service said that it could not do; `message` is for the person who reads it. */
export class Problem extends Error {
  /** @param {string} message @param {number} status @param {string} [type] of the problem document */
  constructor(message, status, type = "") {
    // What the service advises a program to do is a button here.
    super(type === UNLIKE_SAR ? message.replace(ADVICE, ".") : message);
    this.status = status;
    this.type = type;
  }
}

/** Fires `lost` when the service stops answering, `back` when it answers again. */
export const connection = new EventTarget();

/** @type {() => Promise<string | null>} */
let askForKey = () => Promise.resolve(null);
let lost = false;

/**
 * Say how a person is asked for an API key.
 * @param {() => Promise<string | null>} ask
 */
export function onKeyNeeded(ask) {
  askForKey = ask;
}

/**
 * The URL of a path below the service's root, wherever a proxy shows it.
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} [query]
 */
export function serviceUrl(path, query = {}) {
  const url = new URL(path.replace(/^\//, ""), document.baseURI);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, String(value));
  }
  return url.href;
}

/** @returns {Record<string, string>} */
export function keyHeaders() {
  const key = sessionStorage.getItem(KEY);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

export const hasKey = () => sessionStorage.getItem(KEY) !== null;

/**
 * Ask the service; gives the answer when it is a good one. Waits while it says 503 with Retry-After; asks for a key
 * on 401. What the browser kept of an earlier answer is shown only where the service says that it still holds: what a
 * scene's layers are changes with each translation. Raises Problem, or a TypeError when nothing answers.
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function ask(path, options = {}) {
  const url = path.includes("://") ? path : serviceUrl(path);
  for (let tries = 0; ; tries += 1) {
    const response = await reach(url, { cache: "no-cache", ...options, headers: { ...keyHeaders(), ...options.headers } });
    if (response.ok) {
      if (options.method && options.method !== "GET") tellOthers();
      return response;
    }
    const wait = Number(response.headers.get("Retry-After"));
    if (response.status === 503 && wait > 0 && tries < RETRIES) {
      await pause(Math.min(wait, PATIENCE) * 1000, options.signal);
      continue;
    }
    if (response.status === 401 && tries < RETRIES) {
      const key = await askForKey();
      if (key) {
        sessionStorage.setItem(KEY, key);
        continue;
      }
    }
    throw await problemOf(response);
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
export async function askJson(path, options) {
  return (await ask(path, options)).json();
}

/**
 * @param {string} path
 * @param {string} method
 * @param {unknown} body
 * @param {Record<string, string>} [headers]
 */
export const sendJson = (path, method, body, headers = {}) =>
  askJson(path, { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } });

/**
 * Fetch, and tell everybody when the service does not answer.
 * @param {string} url
 * @param {RequestInit} options
 */
export async function reach(url, options) {
  try {
    const response = await fetch(url, options);
    if (response.status === 502 || response.status === 504) markLost();
    return response;
  } catch (error) {
    if (!options.signal?.aborted) markLost();
    throw error;
  }
}

/** Begin to knock until the service answers. */
export function markLost() {
  if (lost) return;
  lost = true;
  connection.dispatchEvent(new Event("lost"));
  void knock();
}

async function knock() {
  while (lost) {
    await pause(KNOCK_MILLISECONDS);
    try {
      lost = !(await fetch(serviceUrl("healthz"), { cache: "no-store" })).ok;
    } catch {
      lost = true;
    }
  }
  connection.dispatchEvent(new Event("back"));
}

/**
 * @param {Response} response
 * @returns {Promise<Problem>}
 */
export async function problemOf(response) {
  return problemIn(await response.text().catch(() => ""), response.status);
}

/** What a problem document says. @param {string} text @param {number} status */
export function problemIn(text, status) {
  /** @type {any} */
  let told = null;
  try {
    told = JSON.parse(text);
  } catch {
    told = null;
  }
  return problemFrom(told, status);
}

/** @param {{detail?: string, status?: number, type?: string} | null | undefined} told @param {number} status */
export const problemFrom = (told, status) =>
  new Problem(sentence(String(told?.detail ?? "")) || TEXT.problems.status(status), told?.status ?? status, told?.type);

/** @param {string} text */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * What went wrong, in words for a person.
 * @param {unknown} error
 */
export function wordsOf(error) {
  if (error instanceof Problem) return error.message;
  if (error instanceof TypeError) return TEXT.problems.unreachable;
  return TEXT.problems.unforeseen(error instanceof Error ? error.message : String(error));
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal | null} [signal]
 * @returns {Promise<void>}
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
