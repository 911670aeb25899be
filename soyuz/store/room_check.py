"""A room's history, read line by line: checksums, numbers, and an end that a crash left unfinished."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path

from soyuz.store.findings import Finding, Keep
from soyuz.store.history_lines import decode

TAKEN_OUT = b"{}"  # what an admin puts in place of a line, and what keeps its number


class RoomCheck:
    """See the module. `events` counts the sound ones."""

    def __init__(self, folder: Path, is_in_use: bool) -> None:
        self.events = 0
        self._folder = folder
        self._is_in_use = is_in_use  # then the last line may be in the middle of being written
        segments = sorted(folder.glob("*.jsonl"))
        self._segments = [path for path in segments if path.stem.isdigit()]

    def findings(self) -> Iterator[Finding]:
        """Give what is wrong. Raises OSError."""
        following = 1  # nothing of a room is ever dropped
        for path in self._segments:
            first = int(path.stem)
            if first > following:
                yield Finding(
                    self._name(path),
                    f"messages {following} to {first - 1}, which should stand before it, are missing",
                    "look for them in a backup",
                )
            following = yield from self._in_segment(path, first)

    def _in_segment(self, path: Path, first: int) -> Generator[Finding, None, int]:
        mend = partial(_mend, path)
        expected = first
        *lines, torn = path.read_bytes().split(b"\n")
        for number, line in enumerate(lines, start=1):
            seq = _seq(line, expected)
            if seq is None:
                problem = "this is not what was written; it is shown as missing"
                advice = "put {} in its place, which stands for a line taken out"
                seq = expected
            elif seq < expected:
                problem = f"message {seq} stands here a second time, or too late"
                advice = "take this line out"
            elif seq > expected:
                problem = f"{seq - expected} lines before this one are missing"
                advice = "put {} in their places, which keeps the count right"
                self.events += 1
            else:
                self.events += line.rstrip(b"\r") != TAKEN_OUT
                expected = seq + 1
                continue
            yield Finding(self._name(path), problem, advice, mend, number)
            expected = max(expected, seq + 1)
        is_last = path == self._segments[-1]
        if torn and _seq(torn, expected) is not None:  # an editor left it without its line end
            self.events += 1
            return expected + 1
        if torn and not (is_last and self._is_in_use):
            problem = f"it ends in {len(torn)} bytes of a line that nobody was told of"
            advice = "cut them off, as the next start does too"
            yield Finding(self._name(path), problem, advice, mend, len(lines) + 1)
        return expected

    def _name(self, path: Path) -> str:
        return f"history/{self._folder.name}/{path.name}"


def _mend(path: Path, keep: Keep) -> None:
    content = path.read_bytes()
    expected = int(path.stem)
    mended: list[bytes] = []
    *lines, torn = content.split(b"\n")
    if _seq(torn, expected) is not None:
        lines.append(torn)
    for line in lines:
        seq = _seq(line, expected)
        if seq is None:
            mended.append(TAKEN_OUT)
            expected += 1
        elif seq >= expected:
            mended += [TAKEN_OUT] * (seq - expected) + [line]
            expected = seq + 1
    whole = b"".join(line + b"\n" for line in mended)
    if whole != content:
        keep.replace(path, whole)


def _seq(line: bytes, expected: int) -> int | None:
    """Give a line's number, `expected` for one that was taken out; None for what is neither."""
    text = line.rstrip(b"\r")
    if text == TAKEN_OUT:
        return expected
    try:
        return decode(text).seq
    except (ValueError, KeyError, TypeError):
        return None
