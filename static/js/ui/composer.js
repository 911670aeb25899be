/** The composer: a draft that is never lost, sent by key or button, and closed only while writing is forbidden. */

import { clockFigure } from "../domain/countdown.js";
import { lengthInCodePoints } from "../domain/text.js";
import { t } from "../lib/catalogue.js";
import { recall, remember } from "../lib/storage.js";
import { countDown } from "../lib/ticker.js";

const SAVE_DRAFT_MS = 500;
const COUNT_BELOW = 200;
const touch = matchMedia("(hover: none) and (pointer: coarse)");

/** `actions`: post(text), typed(empty), writeBanOver(). */
export function mountComposer({ store, actions, announcer }) {
  const form = document.getElementById("composer");
  const text = document.getElementById("text");
  const send = document.getElementById("send");
  const left = document.getElementById("composer-left");
  const error = document.getElementById("composer-error");
  const ban = document.getElementById("composer-ban");
  let saveTimer = null;
  let stopCountdown = () => {};
  let draftOf = null;
  let hadFocus = false;
  const key = () => `draft.${store.state.me.username}.${store.state.room}`;

  text.addEventListener("input", () => {
    changed();
    actions.typed(!text.value.trim());
    saveTimer ??= setTimeout(saveDraft, SAVE_DRAFT_MS);
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
    const always = event.ctrlKey || event.metaKey;
    if (!always && (event.shiftKey || touch.matches)) return;
    event.preventDefault();
    submit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
    text.focus();
  });
  // On a phone the button must not take the focus, or the keyboard would close.
  send.addEventListener("pointerdown", (event) => event.preventDefault());
  addEventListener("pagehide", saveDraft);
  store.watch(["me", "room"], openDraft);
  store.watch(["writeBan"], drawBan);

  function openDraft() {
    if (draftOf === key()) return;
    draftOf = key();
    // What was typed while the page was still loading is newer than what was kept.
    text.value ||= recall(draftOf) ?? "";
    changed();
  }

  function saveDraft() {
    clearTimeout(saveTimer);
    saveTimer = null;
    if (draftOf) remember(draftOf, text.value);
  }

  function submit() {
    const over = lengthInCodePoints(text.value) - store.state.limits.text_max;
    if (store.state.writeBan) return;
    if (over > 0) return refuse(t("chat.too_long", { n: over }));
    if (!text.value.trim()) return;
    actions.post(text.value);
    text.value = "";
    saveDraft();
    changed();
  }

  function refuse(sentence) {
    error.textContent = sentence;
    error.hidden = false;
    text.setAttribute("aria-invalid", "true");
  }

  function changed() {
    const remaining = store.state.limits.text_max - lengthInCodePoints(text.value);
    left.hidden = remaining >= COUNT_BELOW;
    const key = remaining < 0 ? "chat.characters_over" : "chat.characters_left";
    left.querySelector(".composer-words").textContent = left.hidden ? "" : t(key, { n: Math.abs(remaining) });
    left.querySelector(".composer-figure").textContent = t.number(remaining);
    left.classList.toggle("composer-over", remaining < 0);
    if (remaining >= 0) error.hidden = true;
    if (remaining >= 0) text.removeAttribute("aria-invalid");
    send.disabled = !text.value.trim() || Boolean(store.state.writeBan);
    grow();
  }

  /** As tall as the text, up to what the stylesheet allows; browsers that do this by themselves are left to it. */
  function grow() {
    if (CSS.supports("field-sizing", "content")) return;
    text.style.blockSize = "auto";
    text.style.blockSize = `${text.scrollHeight}px`;
  }

  function drawBan({ writeBan }) {
    stopCountdown();
    hadFocus ||= Boolean(writeBan) && document.activeElement === text;
    text.disabled = Boolean(writeBan);
    form.classList.toggle("composer-banned", Boolean(writeBan));
    ban.hidden = !writeBan;
    changed();
    if (!writeBan) return giveBack();
    const { until, reason } = writeBan;
    const show = (sentence) => {
      ban.textContent = text.value ? `${sentence} · ${t("chat.draft_kept")}` : sentence;
    };
    if (until === null) show(banSentence({ reason }));
    else {
      stopCountdown = countDown(until, {
        tick: (seconds) => show(banSentence({ reason, time: clockFigure(seconds) })),
        done: actions.writeBanOver,
      });
    }
    // Once: a live region would read the countdown aloud every second.
    announcer.say(ban.textContent);
    return undefined;
  }

  function giveBack() {
    if (hadFocus) text.focus();
    hadFocus = false;
  }

  /** Keys are written out in full, so that a search for one finds its use. */
  function banSentence({ reason, time }) {
    if (time) return t(reason ? "chat.write_banned_reason" : "chat.write_banned", { reason, time });
    return t(reason ? "chat.write_banned_for_good_reason" : "chat.write_banned_for_good", { reason });
  }

  /** Give it the focus; false where that cannot be: writing is forbidden. */
  function focus() {
    text.focus();
    return document.activeElement === text;
  }

  return { focus };
}
