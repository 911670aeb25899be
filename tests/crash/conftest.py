"""The vocabulary of the crash tests: a store in one thread on a folder in memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.one_thread import one_thread
from tests.crash.power_cuts import fast_folder


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder in memory where there is such a thing."""
    with fast_folder() as folder:
        yield folder


@pytest.fixture
def patched() -> Iterator[pytest.MonkeyPatch]:
    """The store in one thread, and silent; what is patched further is undone with it."""
    logging.disable(logging.CRITICAL)
    with one_thread() as patches:
        yield patches
    logging.disable(logging.NOTSET)
