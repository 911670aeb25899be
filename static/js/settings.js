/** The settings page: avatar preview, theme choice, and dates in the reader's own words. */

import { avatarColour, initials } from "./domain/initials.js";
import { locale, t } from "./lib/catalogue.js";
import { onTheme, setTheme } from "./theme.js";

const AVATAR_TYPES = ["image/png", "image/jpeg", "image/webp", "image/gif"];
const AVATAR_MAX_BYTES = 5 * 1024 * 1024;
const UNITS_S = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

previewAvatar(document.querySelector("[data-avatar]"));
chooseTheme(document.querySelector("[data-theme-choice]"));
tellDates(document);

function previewAvatar(avatar) {
  const { file, remove, nameInput } = avatarInputs();
  const refusal = document.getElementById("avatar-refused");
  const kept = avatar.querySelector("img");
  const { username, name } = avatar.dataset;
  avatar.classList.add(`avatar-c${avatarColour(username)}`);
  let picked = null;

  const show = () => {
    const picture = picked ?? (remove?.checked ? null : kept);
    avatar.replaceChildren(picture ?? initials(nameInput.value.trim() || name));
  };

  file.addEventListener("change", () => {
    if (picked) URL.revokeObjectURL(picked.src);
    const chosen = file.files[0];
    const reason = chosen ? refused(chosen) : null;
    refusal.textContent = reason ? t(reason) : "";
    refusal.hidden = !reason;
    if (reason) file.value = "";
    picked = chosen && !reason ? picture(chosen) : null;
    if (picked && remove) remove.checked = false;
    show();
  });
  remove?.addEventListener("change", () => {
    file.value = "";
    picked = null;
    show();
  });
  nameInput.addEventListener("input", show);
  show();
}

function avatarInputs() {
  const named = (name) => document.querySelector(`[name="${name}"]`);
  return { file: named("avatar"), remove: named("remove_avatar"), nameInput: named("display_name") };
}

/** The key of the sentence that says why the server would refuse this file; null if it may be tried. */
function refused(file) {
  if (file.size > AVATAR_MAX_BYTES) return "settings.avatar_too_large";
  return AVATAR_TYPES.includes(file.type) ? null : "settings.avatar_wrong_type";
}

function picture(file) {
  const image = new Image(96, 96);
  image.src = URL.createObjectURL(file);
  image.alt = t("settings.avatar_alt");
  return image;
}

function chooseTheme(section) {
  const radios = [...section.querySelectorAll('input[name="theme"]')];
  for (const radio of radios) radio.addEventListener("change", () => setTheme(radio.value));
  onTheme((theme) => {
    for (const radio of radios) radio.checked = radio.value === theme;
  });
  section.hidden = false;
}

function tellDates(root) {
  const day = new Intl.DateTimeFormat(locale, { dateStyle: "long" });
  const full = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "short" });
  for (const time of root.querySelectorAll("time[data-ago], time[data-day]")) {
    const moment = new Date(time.dateTime);
    time.title = full.format(moment);
    time.textContent = "ago" in time.dataset ? ago(moment, Date.now()) : day.format(moment);
  }
}

/** "3 hours ago", "yesterday", "now": the largest whole unit between `moment` and `now` (milliseconds). */
function ago(moment, now) {
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const passed = Math.max(0, (now - moment) / 1000);
  const [unit, seconds] = UNITS_S.find(([, size]) => passed >= size) ?? ["second", Infinity];
  return relative.format(-Math.floor(passed / seconds) || 0, unit);
}
