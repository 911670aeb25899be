"""The design tokens: words can be read on every ground, in both themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOKENS = (ROOT / "styles" / "tokens.css").read_text("utf-8")
COLOURS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(
        r"--color-([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", TOKENS
    )
}
GROUNDS = ("canvas", "surface", "raised", "sunken", "hover", "selected")
WORDS = ("ink", "muted", "faint", "accent-ink", "success", "warning", "danger")
PAIRS = [
    *((word, ground) for word in WORDS for ground in GROUNDS),
    *((word, f"{word}-soft") for word in ("success", "warning", "danger")),
    *(("ink", f"{tint}-soft") for tint in ("accent", "success", "warning", "danger")),
    ("accent-ink", "accent-soft"),
    *(("on-accent", button) for button in ("accent", "accent-hover")),
    *(("on-danger", button) for button in ("danger", "danger-hover")),
]
EDGES = [(edge, ground) for edge in ("line-strong", "focus") for ground in GROUNDS[:4]]


def luminance(colour: str) -> float:
    """Give the relative luminance of #rrggbb (WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Give the contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_measured_as_wcag_says() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_can_be_read_on_every_ground(theme: str) -> None:
    poor = {(w, g): contrast(COLOURS[w][theme], COLOURS[g][theme]) for w, g in PAIRS}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_edges_and_focus_can_be_seen(theme: str) -> None:
    poor = {(e, g): contrast(COLOURS[e][theme], COLOURS[g][theme]) for e, g in EDGES}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 3} == {}


def test_the_phones_own_bars_have_the_colour_of_the_page() -> None:
    base = (ROOT / "templates" / "base.html").read_text("utf-8")
    bars = dict(re.findall(r'data-scheme="(\w+)"[^>]*content="(#[0-9a-f]{6})"', base))
    assert bars == COLOURS["canvas"]
