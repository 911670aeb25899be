"""Runs the specs of the page in Chromium and prints {spec: {sentence: failure or null}} as JSON.

In a process of its own: the browser journeys hold Playwright in theirs, and it starts once per process.
"""

from __future__ import annotations

import json
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.browser.chromium import LAUNCH_ARGS, find_chromium  # noqa: E402

RUN = """async (address) => {
  const { default: spec } = await import(address);
  const results = {};
  for (const [sentence, test] of Object.entries(spec)) {
    try { await test(); results[sentence] = null; }
    catch (error) { results[sentence] = String(error.stack ?? error); }
  }
  return results;
}"""


class QuietFiles(SimpleHTTPRequestHandler):
    """Serves the checkout without a line for every file."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}  # noqa: RUF012

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    """Serve the checkout, run every spec and print what came of it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietFiles, directory=str(ROOT)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site = f"http://127.0.0.1:{server.server_port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=LAUNCH_ARGS)
        page = browser.new_page(locale="en-GB", timezone_id="Europe/Berlin")
        page.goto(f"{site}/tests/js/blank.html")
        specs = sorted(path.name for path in Path(__file__).parent.glob("*.spec.js"))
        print(json.dumps({name: page.evaluate(RUN, f"{site}/tests/js/{name}") for name in specs}))
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main()
