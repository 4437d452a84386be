// What outlives a reload: uploads under way, with their files where the browser keeps them, in IndexedDB.

const DATABASE = "geosar";
const STORE = "uploads";
/** Bytes; a larger file is not copied into the browser's own store. */
export const LARGEST_KEPT = 2 ** 30;

/**
 * @typedef {object} Kept
 * @property {string} id
 * @property {string} name
 * @property {number} size
 * @property {number} modified
 * @property {import("./polarisationpairs.js").Membership | null} member
 * @property {string | null} location
 * @property {File | null} file
 */

/** @returns {Promise<IDBDatabase>} */
const open = () =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/**
 * @template Result
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<Result>} work
 * @returns {Promise<Result>}
 */
async function within(mode, work) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const request = work(database.transaction(STORE, mode).objectStore(STORE));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  } finally {
    database.close();
  }
}

/**
 * Remember an upload; without its file where that is too large, or the browser has no room.
 * @param {Kept} kept
 */
export async function keep(kept) {
  const file = kept.size <= LARGEST_KEPT ? kept.file : null;
  await within("readwrite", (store) => store.put({ ...kept, file }))
    .catch(() => within("readwrite", (store) => store.put({ ...kept, file: null })))
    .catch(() => undefined);
}

/** @param {string} id */
export const forget = (id) => within("readwrite", (store) => store.delete(id)).catch(() => undefined);

/** @returns {Promise<Kept[]>} */
export const kept = () => within("readonly", (store) => store.getAll()).catch(() => []);
