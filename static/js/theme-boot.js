// Before the first paint: put the kept theme on <html>. A classic blocking script in <head>; theme.js builds on it.
(() => {
  const KEY = "soyuz.theme";
  const THEMES = ["light", "dark", "system"];

  // Storage may be forbidden (private windows, embedded views): then the system decides.
  const kept = () => {
    try {
      const theme = localStorage.getItem(KEY);
      return THEMES.includes(theme) ? theme : "system";
    } catch {
      return "system";
    }
  };

  // The phone's own bars: of the two <meta name="theme-color">, only the theme's one may match.
  const mediaFor = (scheme, theme) => {
    if (theme === "system") return `(prefers-color-scheme: ${scheme})`;
    return scheme === theme ? "all" : "not all";
  };

  const apply = (theme) => {
    document.documentElement.dataset.theme = theme;
    for (const meta of document.querySelectorAll('meta[name="theme-color"]')) {
      meta.media = mediaFor(meta.dataset.scheme, theme);
    }
  };

  const choose = (theme) => {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Not kept, but shown for as long as this page lives.
    }
    apply(theme);
  };

  apply(kept());
  globalThis.soyuzTheme = { KEY, THEMES, kept, apply, choose };
})();
