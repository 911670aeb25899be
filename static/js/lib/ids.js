/** Identifiers that need no secure context: plain http on a local network has no crypto.randomUUID. */

const ID_BYTES = 12;

/** A new client_id: 24 hexadecimal characters from the browser's own generator. */
export function newClientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
