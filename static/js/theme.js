/** The theme buttons: each [data-theme-toggle] goes light, dark, system; every tab follows the others. */

import { t } from "./lib/catalogue.js";

const { KEY, THEMES, kept, apply, choose } = globalThis.soyuzTheme;
const CHANGED = "soyuz:theme";

/** Call `listener(theme)` now and whenever the theme changes, here or in another tab. */
export function onTheme(listener) {
  document.addEventListener(CHANGED, (event) => listener(event.detail));
  listener(kept());
}

/** Keep and show a theme: "light", "dark" or "system". */
export function setTheme(theme) {
  choose(theme);
  announce(theme);
}

function announce(theme) {
  document.dispatchEvent(new CustomEvent(CHANGED, { detail: theme }));
}

function following(theme) {
  return THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
}

function show(button, theme) {
  const label = t("theme.toggle", { theme: t(`theme.${theme}`), next: t(`theme.${following(theme)}`) });
  button.setAttribute("aria-label", label);
  button.title = label;
  button.hidden = false;
  button.replaceChildren(icon(`icon-theme-${theme}`));
}

function icon(id) {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(namespace, "use");
  use.setAttribute("href", `#${id}`);
  svg.append(use);
  return svg;
}

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  let shown;
  onTheme((theme) => {
    shown = theme;
    show(button, theme);
  });
  button.addEventListener("click", () => setTheme(following(shown)));
}

// A null key means that the other tab cleared everything.
addEventListener("storage", (event) => {
  if (event.key !== KEY && event.key !== null) return;
  apply(kept());
  announce(kept());
});
