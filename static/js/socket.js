/** The one file that speaks Socket.IO: it connects and reconnects, asks and listens, and hides the rest. */

import { io } from "../vendor/socket.io.esm.min.js";
import { reconnectDelay } from "./domain/backoff.js";

const ANSWER_MS = 10_000;
// The server beats every 25 s; a page that slept longer than two beats cannot trust its socket.
const SILENCE_MS = 55_000;
const REFUSED_FOR_GOOD = ["signed_out", "banned"];

/** A request that was refused (`detail` picks the sentence) or got no answer (code `offline`). */
export class RequestError extends Error {
  constructor({ code = "unavailable", detail = code, params = {}, message = code, retry_after }) {
    super(message);
    Object.assign(this, { code, detail, params, retry_after });
  }
}

export class Connection {
  #socket = io({
    autoConnect: false,
    reconnection: false, // done here, where a page that wakes up can skip the wait
    transports: ["websocket", "polling"],
    tryAllTransports: true,
  });
  #attempt = 0;
  #timer = null;
  #heardAt = 0;
  #over = false;

  /** `lost()` is called when the connection broke or could not be made, `refused(code)` when it never will. */
  constructor({ lost, refused }) {
    this.#socket.on("connect", () => this.#heard());
    this.#socket.onAny(() => this.#heard());
    this.#socket.io.on("ping", () => this.#heard());
    this.#socket.on("disconnect", () => this.#lost(lost));
    this.#socket.on("connect_error", (error) => {
      if (REFUSED_FOR_GOOD.includes(error.message)) {
        this.stop();
        refused(error.message);
      } else this.#lost(lost);
    });
    addEventListener("online", () => this.#wake());
    addEventListener("pageshow", () => this.#wake());
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake());
  }

  start() {
    this.#socket.connect();
  }

  /** Disconnect and stay so. */
  stop() {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#socket.disconnect();
  }

  on(event, handle) {
    this.#socket.on(event, handle);
  }

  /** Send `payload` and give the ack's content. Throws RequestError. */
  async request(event, payload) {
    if (!this.#socket.connected) throw new RequestError({ code: "offline" });
    let answer;
    try {
      answer = await this.#socket.timeout(ANSWER_MS).emitWithAck(event, payload);
    } catch {
      throw new RequestError({ code: "offline" });
    }
    if (answer?.ok) return answer;
    throw new RequestError(answer?.error ?? {});
  }

  #heard() {
    this.#heardAt = Date.now();
    this.#attempt = 0;
  }

  #lost(lost) {
    if (this.#over) return;
    lost();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), reconnectDelay(this.#attempt, Math.random()));
    this.#attempt += 1;
  }

  /** The page came back to life or to a network: connect at once, drop a socket that only looks alive. */
  #wake() {
    if (this.#over || !this.#heardAt) return;
    const silent = Date.now() - this.#heardAt > SILENCE_MS;
    if (this.#socket.connected && silent) this.#socket.io.engine.close();
    if (this.#socket.connected) return;
    this.#attempt = 0;
    clearTimeout(this.#timer);
    this.start();
  }
}
