"""What the verbs need: a folder to work on."""

from __future__ import annotations

from pathlib import Path

import pytest

from soyuz.messenger import Messenger
from soyuz.settings import Settings


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder as the first start leaves it."""
    messenger = Messenger(Settings(data=tmp_path / "data"))
    messenger.open()
    messenger.close()
    return tmp_path / "data"
