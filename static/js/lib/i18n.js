/** Interface strings from one catalogue: named parameters, plural forms, and parts that may hold nodes. */

const PLACEHOLDER = /\{(\w+)\}/;

/**
 * A translator over a flat catalogue. `t(key, params)` gives a sentence; `t.parts(key, params)` gives
 * its pieces in order, so that a name can enter the page as a node of its own; `t.has(key)` asks.
 */
export function createTranslator(catalogue, locale) {
  const plurals = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(locale);
  const shown = (value) => (typeof value === "number" ? numbers.format(value) : value);

  function parts(key, params = {}) {
    const entry = catalogue[key];
    const sentence = entry && typeof entry === "object" ? plural(entry, params.n) : entry;
    if (sentence === undefined) return [key];
    // Splitting on a pattern with one group leaves texts at even places and parameter names at odd ones.
    return sentence
      .split(PLACEHOLDER)
      .map((piece, place) => (place % 2 ? shown(params[piece] ?? "") : piece))
      .filter((piece) => piece !== "");
  }

  function plural(forms, n) {
    return forms[plurals.select(Number(n) || 0)] ?? forms.other;
  }

  const t = (key, params) => parts(key, params).join("");
  t.parts = parts;
  t.has = (key) => key in catalogue;
  t.number = (value) => numbers.format(value);
  t.list = (names) => new Intl.ListFormat(locale, { type: "conjunction" }).format(names);
  return t;
}

/** The reader's own regional form of the page's language (en-GB for a page in en), else the language. */
export function regionalLocale(language, preferred) {
  return preferred.find((tag) => tag === language || tag.startsWith(`${language}-`)) ?? language;
}

/** A name inside a plain string (a title, a label), kept from reordering the words around it. */
export function isolate(name) {
  return `\u2068${name}\u2069`;
}
