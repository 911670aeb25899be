"""The page: every spec of its modules holds in Chromium, and each imports only what it may."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.chromium import find_chromium

HERE = Path(__file__).parent
MODULES = HERE.parents[1] / "static" / "js"
SPECS = sorted(path.name for path in HERE.glob("*.spec.js"))
MAY_IMPORT = {
    "domain": {"domain"},
    "lib": {"lib", "domain"},
    "ui": {"ui", "lib", "domain"},
    "features": {"features", "lib", "domain"},
}
PAGE_WORDS = re.compile(
    r"\b(document|window|localStorage|sessionStorage|navigator|location)\b[.\[]"
)


@pytest.fixture(scope="module")
def results() -> dict[str, dict[str, str | None]]:
    """Give what every sentence of every spec came to."""
    if find_chromium() is None:
        pytest.skip("no Chromium was found")
    run = subprocess.run(
        [sys.executable, str(HERE / "run_specs.py")], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.browser
@pytest.mark.parametrize("spec", SPECS)
def test_every_sentence_of_the_spec_holds(
    results: dict[str, dict[str, str | None]], spec: str
) -> None:
    sentences = results[spec]
    assert sentences, "the spec says nothing"
    failures = [f"{sentence}\n{why}" for sentence, why in sentences.items() if why]
    assert not failures, "\n\n".join(failures)


def imports(module: Path) -> list[Path]:
    """Give the files that `module` imports."""
    addresses = re.findall(r'from "(\.[^"]+)"', module.read_text("utf-8"))
    return [(module.parent / address).resolve() for address in addresses]


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_a_module_imports_only_from_the_folders_below_it(folder: str) -> None:
    modules = sorted((MODULES / folder).glob("*.js"))
    assert modules
    for module in modules:
        for imported in imports(module):
            assert imported.is_file(), f"{module.name} imports {imported}, which does not exist"
            assert imported.parent.name in MAY_IMPORT[folder], f"{module.name} imports {imported}"


def test_the_rules_of_the_page_touch_no_page() -> None:
    assert PAGE_WORDS.search("document.title")
    modules = list((MODULES / "domain").glob("*.js"))
    assert modules
    for module in modules:
        assert not PAGE_WORDS.search(module.read_text("utf-8")), module.name


def test_only_one_file_speaks_socket_io() -> None:
    speakers = [
        path.name for path in MODULES.rglob("*.js") if "socket.io" in path.read_text("utf-8")
    ]
    assert speakers == ["socket.js"]
