"""secret.key: signs form tokens; made at the first start, readable by its owner only."""

from __future__ import annotations

import secrets

from soyuz.store.disk import Disk

BYTES = 32


def secret_key(disk: Disk) -> bytes:
    """Give the key, making it when there is none. Raises OSError."""
    path = disk.folder.secret_key
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
        if len(key) >= BYTES:
            return key
    except (FileNotFoundError, ValueError):
        pass
    key = secrets.token_bytes(BYTES)
    disk.replace(path, key.hex().encode() + b"\n")
    return key
