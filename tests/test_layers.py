"""What import-linter cannot see: single files, the standard library, and calls that open a file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = sorted([*ROOT.glob("soyuz/**/*.py"), ROOT / "auth.py", ROOT / "server.py"])
DOMAIN = [path for path in PROGRAM if "domain" in path.parts]

# A rule is handed the time, its randomness and its input.
NOT_FOR_RULES = {
    "asyncio", "concurrent", "ctypes", "fcntl", "glob", "http", "importlib", "io", "logging",
    "multiprocessing", "os", "pathlib", "queue", "random", "secrets", "select", "shutil", "signal",
    "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "uuid",
}  # fmt: skip
CLOCK_CALLS = {"now", "today", "utcnow"}
OPENING_CALLS = {
    "fdopen", "mkstemp", "NamedTemporaryFile", "TemporaryFile", "write_bytes", "write_text",
}  # fmt: skip
OPENING_MODULES = {"os", "io", "codecs", "gzip"}
# What the program is shipped with may be read where it is used; data may not.
SHIPPED = {"CATALOGUES", "COMMON_PASSWORDS", "PROGRAM", "STATIC", "TEMPLATES"}
MAY_OPEN_FILES = (
    "soyuz/store/",
    "soyuz/settings.py",  # settings.toml, before there is a store
    "soyuz/features/assets.py",  # hashes the static tree, which is the program's own
)


def imports(path: Path) -> set[str]:
    """Give the full names of the modules a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def called(path: Path) -> set[str]:
    """Give the last word of everything a file calls."""
    calls = (
        node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
    )
    return {ast.unparse(call.func).rpartition(".")[2] for call in calls}


def openings(path: Path) -> Iterator[str]:
    """Give the places where a file is opened; `disk.open()` is a verb of ours, not one of them."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name("open"):
                found = True
            case ast.Attribute(ast.Name(owner), "open"):
                found = owner in OPENING_MODULES or _names_a_mode(node)
            case ast.Attribute(_, "open"):
                found = _names_a_mode(node)
            case ast.Attribute(receiver, "read_bytes" | "read_text"):
                found = not any(_is_shipped(part) for part in ast.walk(receiver))
            case ast.Name(name) | ast.Attribute(_, name):
                found = name in OPENING_CALLS
            case _:
                found = False
        if found:
            yield f"{inside(path)}:{node.lineno} {ast.unparse(node.func)}"


def _names_a_mode(call: ast.Call) -> bool:
    return any(isinstance(a, ast.Constant) and isinstance(a.value, str) for a in call.args)


def _is_shipped(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in SHIPPED


def inside(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def importers_of(module: str) -> set[str]:
    return {
        inside(path)
        for path in PROGRAM
        if any(name == module or name.startswith(f"{module}.") for name in imports(path))
    }


def test_there_is_something_to_look_at() -> None:
    assert len(DOMAIN) > 5
    assert "server.py" in importers_of("auth")


@pytest.mark.parametrize("path", DOMAIN, ids=inside)
def test_a_rule_does_no_io_and_reads_no_clock(path: Path) -> None:
    assert {name.partition(".")[0] for name in imports(path)} & NOT_FOR_RULES == set()
    assert called(path) & ({"print", "input", "open"} | CLOCK_CALLS) == set()


def test_only_the_store_opens_files() -> None:
    assert list(openings(ROOT / "soyuz/store/disk.py")), "nothing would be noticed"
    elsewhere = [path for path in PROGRAM if not inside(path).startswith(MAY_OPEN_FILES)]
    found = [place for path in elsewhere for place in openings(path)]
    assert found == []


def test_only_the_runtime_names_eventlet() -> None:
    assert importers_of("eventlet") | importers_of("greenlet") == {"soyuz/runtime.py"}


def test_only_the_entrances_know_the_gatekeeper_and_nobody_the_launch_pad() -> None:
    entrances = {"server.py", "soyuz/__main__.py"}
    assert {name for name in importers_of("auth") if "soyuz/cli/" not in name} <= entrances
    assert importers_of("server") <= {"soyuz/__main__.py"}


def test_the_gatekeeper_stands_beside_the_features() -> None:
    above = ("server", "soyuz.cli", "soyuz.features", "soyuz.__main__")
    assert not [name for name in imports(ROOT / "auth.py") if name.startswith(above)]


def test_most_files_fit_in_the_head() -> None:
    sizes = {inside(path): len(path.read_text("utf-8").splitlines()) for path in PROGRAM}
    large = {name: lines for name, lines in sizes.items() if lines > 300}
    assert len(large) <= len(sizes) / 10, large


@pytest.mark.parametrize("path", PROGRAM, ids=inside)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def features_in_order() -> list[str]:
    """Give the feature modules as server.py lists them."""
    tree = ast.parse((ROOT / "server.py").read_text("utf-8"))
    module_of = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "soyuz.features"
        for alias in node.names
    }
    listed = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "FEATURES"
    )
    assert isinstance(listed, ast.Tuple)
    return [module_of[ast.unparse(name)] for name in listed.elts]


def test_a_feature_calls_only_the_features_before_it() -> None:
    order = features_in_order()
    assert len(order) > 5
    for place, feature in enumerate(order):
        path = ROOT / f"soyuz/features/{feature}.py"
        used = {n.split(".")[2] for n in imports(path) if n.startswith("soyuz.features.")}
        assert used & set(order[place:]) == set(), feature
