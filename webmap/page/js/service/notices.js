// Telling the end of a job to who looks elsewhere: in the tab's title, and by the system where that is wanted.

import { TEXT } from "../texts.js";

const SETTING = "geosar-notices";
const SIGN = "✓ ";

let title = document.title;
let untold = false;
const show = () => (document.title = untold ? SIGN + title : title);

/** Name the tab; that something has ended stays before it until it is seen. @param {string} words */
export function nameTab(words) {
  title = words;
  show();
}

/** Whether the browser can: only pages from a secure origin may. */
export const canNotify = "Notification" in window && isSecureContext;

/** Whether the system tells, too. */
export const notifies = () => canNotify && localStorage.getItem(SETTING) === "on" && Notification.permission === "granted";

/** Turn that on or off; gives whether it is on, which the person or the browser may have refused. @param {boolean} wanted */
export async function notify(wanted) {
  localStorage.setItem(SETTING, wanted ? "on" : "off");
  if (wanted && canNotify) await Notification.requestPermission();
  return notifies();
}

/** Tell that a job has ended. @param {string} words @param {string} scene its name */
export function tellEnd(words, scene) {
  if (document.visibilityState === "visible" && document.hasFocus()) return;
  untold = true;
  show();
  if (!notifies()) return;
  const told = new Notification(`${TEXT.title}: ${scene}`, { body: words, icon: "logo.svg", tag: scene });
  told.addEventListener("click", () => {
    window.focus();
    told.close();
  });
}

const seen = () => {
  untold &&= document.visibilityState !== "visible";
  show();
};
document.addEventListener("visibilitychange", seen);
window.addEventListener("focus", seen);
