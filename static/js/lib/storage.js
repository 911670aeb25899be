/** Small texts kept in the browser; a full or forbidden localStorage is the same as an empty one. */

const PREFIX = "soyuz.";

export function recall(key) {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

/** Keep `value`, or forget the key when it is null or empty. */
export function remember(key, value) {
  try {
    if (value === null || value === "") localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch {
    // Nothing is lost that was promised: the text still stands in the page.
  }
}
