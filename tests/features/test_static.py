"""What the browser is sent, read as text: interface strings, styles, markup, scripts, vendored files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
TEMPLATES = sorted(ROOT.glob("templates/**/*.html"))
SCRIPTS = sorted(STATIC.glob("js/**/*.js"))
STYLES = sorted(ROOT.glob("styles/*.css"))
PROGRAM = sorted([*ROOT.glob("soyuz/**/*.py"), ROOT / "auth.py", ROOT / "server.py"])
CATALOGUE: dict[str, str | dict[str, str]] = json.loads(
    (STATIC / "i18n" / "en.json").read_text("utf-8")
)

CALLED = re.compile(r"""\b(?:t|t\.parts|t\.has|say)\(\s*["']([a-z_]+\.[\w.]+)["']""")
QUOTED = re.compile(r"""["']([a-z_]+(?:\.[a-z_]+)*)["']""")
# A key put together at run time: f"error.{code}.title", f"{code}.long", `ended.${reason}`, "a." ~ b.
JOINED = re.compile(
    r'f"([a-z_.]*)\{[^}]*\}([a-z_.]*)"|`([a-z_.]+\.)\$\{[^}]*\}([a-z_.]*)`|"([a-z_.]+\.)" ~()'
)
PHYSICAL = re.compile(
    r"(?:^|[\s;{])(?:(?:margin|padding|scroll-margin|scroll-padding)-(?:left|right)|left|right"
    r"|border(?:-(?:top|bottom))?-(?:left|right)(?:-\w+)?|float"
    r"|(?:text-align|clear)\s*:\s*(?:left|right))\s*[:;]",
    re.MULTILINE,
)
PHYSICAL_CLASS = re.compile(
    r"""["'`\s:]-?(?:[mp][lr]|scroll-[mp][lr]|left|right|border-[lr]|rounded-(?:[lr]|[tb][lr]))-"""
    r"""|["'`\s:](?:text|float)-(?:left|right)["'`\s]"""
)
MARKUP_SINKS = re.compile(
    r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|createContextualFragment|DOMParser"
    r"|srcdoc|document\.write(?:ln)?|eval\s*\(|new\s+Function)\b"
)


def text(path: Path) -> str:
    """Give a source file's text."""
    return path.read_text("utf-8")


def name(path: Path) -> str:
    """Give a file's name as a test shows it."""
    return path.relative_to(ROOT).as_posix()


def called_keys() -> Iterator[tuple[str, str]]:
    """Give every key that is looked up by its full name, with the place."""
    for path in [*TEMPLATES, *SCRIPTS, *PROGRAM]:
        for match in CALLED.finditer(text(path)):
            yield name(path), match[1]


class Usage:
    """Which words the sources quote, and which keys they put together from such words."""

    def __init__(self) -> None:
        sources = "\n".join(text(path) for path in [*TEMPLATES, *SCRIPTS, *PROGRAM])
        self.words = {match[1] for match in QUOTED.finditer(sources)}
        self.joined: set[tuple[str, str]] = set()
        for match in JOINED.finditer(sources):
            head, tail = [group for group in match.groups() if group is not None]
            if "." in head + tail:
                self.joined.add((head, tail))

    def covers(self, key: str) -> bool:
        """A word is used when it is quoted, or when its changing part is used."""
        return key in self.words or any(
            self.covers(key[len(head) : len(key) - len(tail)])
            for head, tail in self.joined
            if key.startswith(head) and key.endswith(tail) and len(key) > len(head) + len(tail)
        )


def test_every_string_that_is_looked_up_exists() -> None:
    keys = list(called_keys())
    assert len(keys) > 50, "the pattern no longer finds the look-ups"
    assert not [(place, key) for place, key in keys if key not in CATALOGUE]


def test_every_string_is_used() -> None:
    usage = Usage()
    assert not usage.covers("error.nobody_says_this")
    assert [key for key in CATALOGUE if not usage.covers(key)] == []


def test_every_plural_has_the_forms_english_needs() -> None:
    plurals = [value for value in CATALOGUE.values() if isinstance(value, dict)]
    assert plurals
    assert all(set(forms) == {"one", "other"} for forms in plurals)


@pytest.mark.parametrize("path", STYLES, ids=name)
def test_styles_mirror_by_themselves(path: Path) -> None:
    css = re.sub(r"/\*.*?\*/", "", text(path), flags=re.DOTALL)
    assert PHYSICAL.search("a { margin-left: 0; }")
    assert PHYSICAL.findall(css) == []


def test_the_patterns_find_what_they_forbid() -> None:
    for written in ('class="ml-2"', 'class="flex text-left"', "`pr-1`", '"hover:border-r-2"'):
        assert PHYSICAL_CLASS.search(written), written
    for written in ("x.innerHTML = y", "eval (x)", "new Function", "document.write(x)"):
        assert MARKUP_SINKS.search(written), written
    parser = Forbidden()
    parser.feed(
        '<style></style><script>1</script><p style="x" onclick="y"><a href=" JavaScript:z">'
    )
    assert parser.found == ["style", "script", "p style", "p onclick", "a href"]


@pytest.mark.parametrize("path", [*TEMPLATES, *SCRIPTS], ids=name)
def test_utility_classes_mirror_by_themselves(path: Path) -> None:
    classes = re.findall(r'class(?:_|Name)?\s*=\s*(?:"[^"]*"|`[^`]*`)', text(path))
    assert [found for found in classes if PHYSICAL_CLASS.search(found)] == []


def test_the_built_stylesheet_knows_every_class_of_its_sources() -> None:
    built = text(STATIC / "css" / "app.css")
    classes = {c for path in STYLES for c in re.findall(r"^\s*\.([a-z][\w-]*)", text(path), re.M)}
    assert len(classes) > 50, "the pattern no longer finds the classes"
    assert sorted(c for c in classes if f".{c}" not in built) == [], "run bin/css"


class Forbidden(HTMLParser):
    """Collects the markup that the Content-Security-Policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        inline = tag == "script" and "src" not in given and given.get("type") != "application/json"
        if tag == "style" or inline:
            self.found.append(tag)
        for attribute, value in attrs:
            scripted = (value or "").strip().lower().startswith("javascript:")
            if attribute == "style" or attribute.startswith("on") or scripted:
                self.found.append(f"{tag} {attribute}")


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_templates_hold_no_inline_script_or_style(path: Path) -> None:
    parser = Forbidden()
    parser.feed(text(path))
    assert parser.found == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_scripts_never_turn_text_into_markup(path: Path) -> None:
    assert MARKUP_SINKS.findall(text(path)) == []


def test_vendored_files_are_what_their_readme_says() -> None:
    vendor = STATIC / "vendor"
    said = dict(re.findall(r"\| `([^`]+)` \|.*`([0-9a-f]{64})` \|", text(vendor / "README.md")))
    assert set(said) == {path.name for path in vendor.glob("*.js")}
    for file, checksum in said.items():
        assert sha256((vendor / file).read_bytes()).hexdigest() == checksum
