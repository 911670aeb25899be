"""The one file that knows what runs the server: eventlet, or plain threads where that is better.

Everything else writes ordinary code with `threading` locks and events; `patch()` makes those green
under eventlet. What must not wait on the event loop goes through `off_loop`, and what happens on a
native thread comes back to the loop through `on_loop`.
"""

from __future__ import annotations

import collections
import contextlib
import importlib
import logging
import os
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

log = logging.getLogger("soyuz.runtime")
T = TypeVar("T")
Call = tuple[Callable[..., object], tuple[Any, ...]]

OFF_LOOP_NICENESS = 10  # otherwise two hashes get two cores, and the loop what is left

_eventlet: Any = None
_thread = threading.local()  # made before `patch`, so each native thread's own


def choose(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """Choose the runtime for a command line, before anything else is imported.

    The server runs on eventlet unless SOYUZ_RUNTIME=threading; every other verb is a short-lived
    program that plain threads serve best. Exits with a sentence when the setting cannot be read.
    """
    wanted = environ.get("SOYUZ_RUNTIME", "eventlet").strip().lower()
    if wanted not in ("eventlet", "threading"):
        sys.exit(f"SOYUZ_RUNTIME is {wanted!r}; it should look like eventlet or threading")
    is_run = len(argv) < 2 or argv[1] == "run" or argv[1].startswith("-")
    if is_run and wanted == "eventlet":
        patch()


def patch() -> None:
    """Put eventlet under everything imported from now on. Raises ImportError without it."""
    global _eventlet
    # Users cannot act on eventlet's notice about its own future; it would only worry them.
    warnings.filterwarnings("ignore", message=r"(?s).*Eventlet is deprecated")
    import eventlet

    eventlet.monkey_patch()
    import eventlet.hubs
    import eventlet.patcher
    import eventlet.tpool
    import eventlet.wsgi

    _eventlet = eventlet


def is_eventlet() -> bool:
    """Say whether the event loop is eventlet's."""
    return _eventlet is not None


def original(module: str) -> Any:
    """Give a standard module as it was before `patch`, for code on native threads."""
    return _eventlet.patcher.original(module) if _eventlet else importlib.import_module(module)


def spawn(fn: Callable[..., object], *args: Any) -> None:
    """Run `fn` beside the caller; an exception it lets out is logged."""
    if _eventlet:
        _eventlet.spawn_n(_guarded, fn, *args)
    else:
        threading.Thread(target=_guarded, args=(fn, *args), daemon=True).start()


def sleep(seconds: float) -> None:
    """Wait without holding anyone up."""
    time.sleep(seconds)


def every(seconds: float, fn: Callable[[], object], stop: threading.Event) -> None:
    """Call `fn` every so many seconds until `stop` is set; one failure does not end the series."""

    def run() -> None:
        while not stop.wait(seconds):
            _guarded(fn)

    spawn(run)


def off_loop(fn: Callable[..., T], *args: Any) -> T:
    """Run blocking work on a native thread while the event loop goes on; gives its result."""
    if _eventlet:
        return _eventlet.tpool.execute(_stepping_back, fn, *args)  # type: ignore[no-any-return]
    return fn(*args)


def _stepping_back(fn: Callable[..., T], *args: Any) -> T:
    """Run on a thread the system schedules after the event loop, where it can tell threads apart."""
    if sys.platform == "linux" and not hasattr(_thread, "has_stepped_back"):
        _thread.has_stepped_back = True
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), OFF_LOOP_NICENESS)
    return fn(*args)


class Busy(Exception):
    """A pool has as much waiting as it takes."""


class Pool:
    """At most `workers` calls at a time on native threads, at most `queue` more waiting."""

    def __init__(self, workers: int, queue: int) -> None:
        self._slots = threading.Semaphore(workers)
        self._most = workers + queue
        self._inside = 0
        self._lock = threading.Lock()

    def run(self, fn: Callable[..., T], *args: Any) -> T:
        """Run `fn` when a worker is free. Raises Busy, and whatever `fn` raises."""
        with self._lock:
            if self._inside >= self._most:
                raise Busy
            self._inside += 1
        try:
            with self._slots:
                return off_loop(fn, *args)
        finally:
            with self._lock:
                self._inside -= 1


class NativeThread:
    """A thread outside the event loop that works when woken, for calls that may block long."""

    def __init__(self, name: str, work: Callable[[], float | None]) -> None:
        """`work` does all there is to do and may give seconds after which to be called unasked."""
        native = original("threading")
        self._woken = native.Event()
        self._work = work
        self._stopping = False
        self._thread = native.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Have `work` called soon, once for any number of wakes; callable from anywhere."""
        self._woken.set()

    def stop(self, timeout_s: float) -> None:
        """Let `work` run a last time and end the thread."""
        self._stopping = True
        self._woken.set()
        deadline = time.monotonic() + timeout_s
        while self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)

    def _run(self) -> None:
        again: float | None = None
        while not self._stopping:
            self._woken.wait(again)
            self._woken.clear()
            again = self._work()
        self._work()


class _Door:
    """Where native threads hand calls to the event loop."""

    def __init__(self) -> None:
        self._calls: collections.deque[Call] = collections.deque()
        if _eventlet:
            self._inside, outside = socket.socketpair()
            # The side for other threads must not look at the event loop from outside it.
            self._outside = original("socket").socket(fileno=outside.detach())
            self._outside.setblocking(False)
        else:
            self._ready = threading.Event()
        spawn(self._run)

    def call(self, fn: Callable[..., object], *args: Any) -> None:
        self._calls.append((fn, args))
        if not _eventlet:
            self._ready.set()
            return
        with contextlib.suppress(BlockingIOError):  # earlier wakes are unread, and one serves all
            self._outside.send(b"\0")

    def _run(self) -> None:
        while True:
            if _eventlet:
                self._inside.recv(4096)
            else:
                self._ready.wait()
                self._ready.clear()
            while self._calls:
                fn, args = self._calls.popleft()
                _guarded(fn, *args)


_door: _Door | None = None


def open_door() -> None:
    """Make `on_loop` work; called once, on the loop, before any native thread is started."""
    global _door
    if _door is None:
        _door = _Door()


def on_loop(fn: Callable[..., object], *args: Any) -> None:
    """Have the event loop call `fn`; callable from any thread and from signal handlers."""
    assert _door is not None, "open_door() comes first"
    _door.call(fn, *args)


def at_end_of_round(fn: Callable[[], object]) -> None:
    """Call `fn` when the event loop has finished what is ready now; at once without a loop."""
    if _eventlet:
        _eventlet.hubs.get_hub().schedule_call_global(0, fn)
    else:
        fn()


def listen(addresses: list[tuple[str, int]], backlog: int) -> list[socket.socket]:
    """Bind and listen on each address. Raises OSError; a second server on a port is an error."""
    sockets: list[socket.socket] = []
    try:
        for host, port in addresses:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(sock)
            if sys.platform != "win32":  # there it would let two servers share the port
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if port == 0 and len(sockets) > 1:
                port = sockets[0].getsockname()[1]
            sock.bind((host, port))
            sock.listen(backlog)
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def serve(sockets: list[socket.socket], app: Any, max_connections: int) -> None:
    """Serve a WSGI application on listening sockets until the process ends."""
    for sock in sockets[1:]:
        spawn(_serve_one, sock, app, max_connections)
    _serve_one(sockets[0], app, max_connections)


def _serve_one(sock: socket.socket, app: Any, max_connections: int) -> None:
    if _eventlet:
        # debug=False: otherwise a malformed frame is answered with a traceback of ours.
        _eventlet.wsgi.server(
            sock,
            app,
            debug=False,
            log_output=False,
            max_size=max_connections,
            socket_timeout=60,
            keepalive=60,
            url_length_limit=4_096,
        )
        return
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            return

    host, port = sock.getsockname()[:2]
    make_server(
        host, port, app, threaded=True, fd=os.dup(sock.fileno()), request_handler=Quiet
    ).serve_forever()


def _guarded(fn: Callable[..., object], *args: Any) -> None:
    try:
        fn(*args)
    except Exception:
        log.exception("a background task failed")
