"""Where the command line finds the running server: a socket in the data folder, for its owner only.

A Unix socket of mode 0600; where none can be made (Windows, some file systems, a path too long), a
loopback port and a token that only the folder's owner can read.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket

from soyuz.store.disk import Disk

UNIX_PATH_MAX_BYTES = 100  # the kernel's bound is 104 on macOS, 108 on Linux
BACKLOG = 16
PROBE_S = 2.0


class NobodyThere(Exception):
    """No server listens for this data folder."""


def listen(disk: Disk) -> tuple[socket.socket, str]:
    """Give a listening socket and the token callers must send ("" for a Unix socket).

    What an earlier process left behind is replaced: whoever owns the folder is the only server.
    Raises OSError.
    """
    withdraw(disk)
    if _fits_unix(disk):
        try:
            return _listen_unix(disk), ""
        except OSError:  # a file system without sockets: exFAT, some network and container mounts
            withdraw(disk)
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.bind(("127.0.0.1", 0))
        sock.listen(BACKLOG)
        token = secrets.token_urlsafe(32)
        note = {"port": sock.getsockname()[1], "token": token}
        disk.replace(disk.folder.control_token, json.dumps(note).encode())
    except OSError:
        sock.close()
        raise
    return sock, token


def connect(disk: Disk, timeout_s: float) -> tuple[socket.socket, str]:
    """Give a socket to the running server and the token to send. Raises NobodyThere, OSError."""
    try:
        if disk.folder.control_token.exists():  # only the server knows what it could make
            note = json.loads(disk.folder.control_token.read_text("utf-8"))
            return socket.create_connection(("127.0.0.1", note["port"]), timeout_s), note["token"]
        if not _fits_unix(disk):
            raise NobodyThere
        return _connect_unix(disk, timeout_s), ""
    except (FileNotFoundError, ConnectionRefusedError, ValueError, KeyError, TypeError):
        raise NobodyThere from None


def is_answered(disk: Disk) -> bool:
    """Say whether a server listens for this data folder."""
    try:
        sock, _ = connect(disk, PROBE_S)
    except (NobodyThere, OSError):
        return False
    sock.close()
    return True


def withdraw(disk: Disk) -> None:
    """Take down what callers find."""
    for path in (disk.folder.control_socket, disk.folder.control_token):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _fits_unix(disk: Disk) -> bool:
    path = os.fsencode(disk.folder.control_socket)
    return hasattr(socket, "AF_UNIX") and len(path) <= UNIX_PATH_MAX_BYTES


def _listen_unix(disk: Disk) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        sock.bind(str(disk.folder.control_socket))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(mask)
    return sock


def _connect_unix(disk: Disk, timeout_s: float) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.connect(str(disk.folder.control_socket))
    except OSError:
        sock.close()
        raise
    return sock
