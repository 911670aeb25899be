"""`run`: start the server, say where it is, and stop it in good order."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType

import click
from flask import Flask

from soyuz import runtime
from soyuz.cli import control
from soyuz.cli.greeting import LOOPBACKS, greeting
from soyuz.cli.invocation import invocation
from soyuz.cli.verb import settings_of
from soyuz.messenger import Messenger
from soyuz.settings import Settings
from soyuz.store.disk import Owned
from soyuz.store.unusable import why_not

log = logging.getLogger("soyuz")

BACKLOG = 1_024
CreateApp = Callable[[Messenger], Flask]
GIVEN_UP = {
    "interval": "a power cut can take the last second of what people were told is safe",
    "off": "a power cut can take minutes of what people were told is safe; only for tests",
}
SPARE_FILES = 512  # descriptors for files, beside those for connections


@click.command()
@click.option("--host", help="Address to listen on; 0.0.0.0 opens it to the local network.")
@click.option("--port", help="Port to listen on (5000).")
@click.option("--data", help="Data folder (the checkout itself).")
@click.pass_obj
def run(create_app: CreateApp, host: str | None, port: str | None, data: str | None) -> None:
    """Start the chat."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = settings_of(data, host=host, port=port)
    messenger = Messenger(settings)
    if settings.fsync in GIVEN_UP:
        log.warning("SOYUZ_FSYNC=%s: %s", settings.fsync, GIVEN_UP[settings.fsync])
    try:
        messenger.open()
    except Owned as owned:
        raise click.ClickException(
            f"{settings.data} is in use by {owned}. Stop it first, or name another folder: --data DIR"
        ) from None
    except OSError as error:
        raise click.ClickException(why_not(settings.data, error)) from None
    try:
        serve(messenger, create_app)
    except click.ClickException:
        messenger.close()
        raise


def serve(messenger: Messenger, create_app: CreateApp) -> None:
    """Serve an open messenger until a signal or a failed disk ends the process."""
    settings = messenger.settings
    try:
        app = create_app(messenger)
        control.serve(messenger)
    except OSError as error:
        raise click.ClickException(f"cannot use the data folder: {error}") from None
    sockets = _listen(settings)
    ending = _Ending(messenger, sockets)
    messenger.disk.on_fatal = ending.fatal
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ending.signalled)
    messenger.watch()
    _greet(messenger, sockets)
    connections = _raise_file_limit(settings.max_connections)
    ending.comes_first(lambda: runtime.serve(sockets, app, connections))


class _Ending:
    """How the process ends: writes finished, clients told, exit 0; or 1 when the disk has failed."""

    def __init__(self, messenger: Messenger, sockets: list[socket.socket]) -> None:
        self._messenger = messenger
        self._sockets = sockets
        self._begun = False

    def signalled(self, number: int, frame: FrameType | None) -> None:
        """A signal handler may only hand over: the loop is in the middle of something."""
        runtime.on_loop(runtime.spawn, self._end, 0)

    def fatal(self, error: OSError) -> None:
        """The disk can no longer be trusted."""
        log.critical("%s; nothing more is acknowledged, the server stops", error)
        runtime.spawn(self._end, 1)

    def comes_first(self, serve: Callable[[], object]) -> None:
        """Serve; once the process is ending, wait for its end, whatever serving says to that."""
        try:
            serve()
        except (OSError, ValueError):  # its sockets were closed, perhaps before it had begun
            if not self._begun:
                raise
        if self._begun:
            threading.Event().wait()

    def _end(self, status: int) -> None:
        if self._begun:
            return
        self._begun = True
        try:
            log.info("stopping")
            for sock in self._sockets:
                sock.close()
            self._messenger.close()
            logging.shutdown()
        except OSError as error:
            log.error("while stopping: %s", error)
        except Exception:
            log.exception("while stopping")
        finally:  # a process that was told to end ends
            os._exit(status)  # eventlet would wait for every open connection


def _listen(settings: Settings) -> list[socket.socket]:
    addresses = [(settings.host, settings.port)]
    twin = LOOPBACKS.get(settings.host)
    try:
        if twin and socket.has_ipv6:
            try:
                return runtime.listen(
                    [("127.0.0.1", settings.port), (twin, settings.port)], BACKLOG
                )
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
        return runtime.listen(addresses, BACKLOG)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise click.ClickException(f"cannot listen on {settings.host}: {error}") from None
        if settings.port == 0:  # the number drawn for IPv4 was taken for IPv6
            return _listen(settings)
        raise click.ClickException(
            f"port {settings.port} is taken (on a Mac, AirPlay takes 5000). "
            f"Try another: {invocation()} --port {settings.port + 1}"
        ) from None


def _greet(messenger: Messenger, sockets: list[socket.socket]) -> None:
    port = sockets[0].getsockname()[1]
    setup_token = None if messenger.users.has_admin() else messenger.gate.setup_token
    for line in greeting(messenger.settings.host, port, setup_token):
        click.echo(line)
    sys.stdout.flush()


def _raise_file_limit(connections: int) -> int:
    """Raise the soft limit on open files as far as wanted and allowed; gives how many may connect."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_FILES
    unlimited = hard == resource.RLIM_INFINITY
    limit = max(soft, wanted if unlimited else min(wanted, hard))
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    except (ValueError, OSError):
        limit = soft
    allowed = min(connections, max(64, limit - SPARE_FILES))
    if allowed < connections:
        log.warning("at most %d connections: the system allows %d open files", allowed, limit)
    return allowed
