// What one tab changes, the others of this browser hear of.

const CHANNEL = `geosar ${new URL(".", document.baseURI).href}`;
const channel = "BroadcastChannel" in window ? new BroadcastChannel(CHANNEL) : null;

/** Fires `changed` when scenes or jobs may be others than this tab knows. */
export const others = new EventTarget();
const changed = () => others.dispatchEvent(new Event("changed"));
channel?.addEventListener("message", changed);
// Other people's changes are seen when one looks again.
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && changed());

/** Tell the other tabs that something was changed here. */
export const tellOthers = () => channel?.postMessage("");
