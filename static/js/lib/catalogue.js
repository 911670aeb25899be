/** The page's own language: its locale and its translator, read once from the embedded catalogue. */

import { createTranslator, regionalLocale } from "./i18n.js";

const source = document.getElementById("catalogue");

export const locale = regionalLocale(document.documentElement.lang || "en", navigator.languages ?? []);
export const t = createTranslator(source ? JSON.parse(source.textContent) : {}, locale);
