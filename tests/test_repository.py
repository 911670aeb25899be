"""What is in git and what never may be: data, registries, loose pins, scripts nobody can run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MADE_AT_FIRST_START = ("users.json", "perma_banned.json", "temp_bans.json", "spam_log.txt")
DATA = (
    *MADE_AT_FIRST_START,
    "sessions.json",
    "strikes.json",
    "rooms.json",
    "settings.toml",
    "users.json.broken-20261122-210507",
    ".users.json.4711.new",
    "secret.key",
    "control.sock",
    ".soyuz.lock",
    ".soyuz.owner",
    ".soyuz.control",
    "spam_log.txt.1",
    "soyuz.log",
    "soyuz.log.1",
    "history/lobby/2026-11.jsonl",
    "journal/lobby/0.jsonl",
    "backups/soyuz.tar.gz",
    "repaired-20261123-024525/users.json",
    "users.json.edited-20261122-210507-0a1b2c3d",
    "uploads/avatars/0a1b.webp",
)
# Written in two halves, so that this file does not find itself.
NEVER_NAMED = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "npmjs" + ".",
    "jsdelivr" + ".net",
    "unpkg" + ".com",
    "cdnjs" + ".",
    "fonts.google" + "apis",
    ".." + "/shared/",
    "/work" + "/main",
]


def git(*arguments: str, folder: Path = ROOT) -> list[str]:
    done = subprocess.run(
        ["git", *arguments, "-z"], cwd=folder, check=True, capture_output=True, text=True
    )
    return [name for name in done.stdout.split("\0") if name]


@pytest.fixture(scope="module")
def ours() -> list[Path]:
    """Every file that is in git or would be after `git add -A`."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a git checkout")
    names = git("ls-files", "--cached", "--others", "--exclude-standard")
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_the_data_of_a_server_never_gets_into_git(tmp_path: Path, ours: list[Path]) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    for name in (".gitignore", "uploads/.gitkeep"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name in DATA:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")

    added = git("ls-files", "--others", "--exclude-standard", folder=tmp_path)

    assert sorted(added) == [".gitignore", "uploads/.gitkeep"]
    assert not {str(path.relative_to(ROOT)) for path in ours} & set(DATA)


def test_the_source_is_not_taken_for_data(ours: list[Path]) -> None:
    source = [
        *ROOT.glob("soyuz/**/*.py"),
        *ROOT.glob("static/**/*.js"),
        *ROOT.glob("tests/**/*.py"),
    ]
    assert set(source) <= set(ours)


def test_readme_marks_the_data_as_made_at_first_start() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    for name in MADE_AT_FIRST_START:
        assert any(name in line and "made at first start" in line for line in lines), name


def test_no_file_names_a_registry_or_a_content_network(ours: list[Path]) -> None:
    pattern = re.compile("|".join(map(re.escape, NEVER_NAMED)))
    found = {}
    for path in ours:
        if match := pattern.search(path.read_bytes().decode("utf-8", "replace")):
            found[str(path.relative_to(ROOT))] = match[0]
    assert found == {}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_exactly(name: str) -> None:
    lines = [line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    wanted = [line for line in lines if line and line != "-r requirements.txt"]
    assert wanted
    for line in wanted:
        assert re.fullmatch(r"[\w.-]+(\[\w+\])?==[\d.]+", line), line


def test_both_requirement_files_agree() -> None:
    pins: dict[str, set[str]] = {}
    for name in ("requirements.txt", "requirements-dev.txt"):
        for package, version in re.findall(
            r"^([\w.-]+)(?:\[\w+\])?==(\S+)", (ROOT / name).read_text(), re.MULTILINE
        ):
            pins.setdefault(package.lower(), set()).add(version)
    assert {package: found for package, found in pins.items() if len(found) > 1} == {}


def test_scripts_can_be_run_and_read_at_a_glance() -> None:
    scripts = [path for path in (ROOT / "bin").iterdir() if path.name != "_python"]
    assert {"run", "test", "check"} <= {path.name for path in scripts}
    for path in [*scripts, ROOT / ".ci" / "run"]:
        lines = path.read_text("utf-8").splitlines()
        assert os.access(path, os.X_OK), path
        assert lines[0] == "#!/usr/bin/env bash", path
        assert "set -euo pipefail" in lines, path
        assert len(lines) <= 40, path


def test_the_licence_names_its_holders() -> None:
    licence = (ROOT / "LICENSE.md").read_text("utf-8")
    assert licence.startswith("# MIT License")
    assert "Ebrahim Siami and the Soyuz Messenger contributors" in licence


def test_the_common_passwords_are_common_and_long_enough_to_be_chosen() -> None:
    words = (ROOT / "soyuz/data/common_passwords.txt").read_text("ascii").splitlines()
    expected = (
        "password password1 12345678 123456789 qwertyuiop iloveyou sunshine football princess"
    )
    assert {*expected.split(), "passw0rd"} <= set(words)
    assert len(words) == len(set(words)) > 10_000
    assert all(word == word.lower() and len(word) >= 8 for word in words)
    assert f"{len(words):,} of the commonest" in (ROOT / "soyuz/data/README.md").read_text("utf-8")
