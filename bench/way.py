"""A message's way from post to the other window, idle and while sign-ups hash and avatars convert."""

from __future__ import annotations

import gzip
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.conftest import PASSWORD, ROOT, Browser, Person, Server

MESSAGES = 150
ROUNDS = 2
AT_ONCE = 10


def ways(alice: Person, bob: Person) -> list[float]:
    """Give the milliseconds of each message from posting to being heard by the other."""
    taken: list[float] = []
    for number in range(MESSAGES):
        began = time.perf_counter()
        client_id = f"{began}-{number}"
        alice.tab.client.emit(
            "message:post", {"room": "lobby", "text": client_id, "client_id": client_id}
        )
        bob.hears("message:posted", client_id=client_id)
        taken.append((time.perf_counter() - began) * 1_000)
    return taken


def repeat(work: Callable[[int], None], stop: threading.Event) -> list[threading.Thread]:
    """Have ten threads do some work over and over."""

    def run(number: int) -> None:
        turn = 0
        while not stop.is_set():
            work(number * 10_000 + turn)
            turn += 1

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    return threads


def picture() -> bytes:
    """Give a 12-megapixel JPEG."""
    out = BytesIO()
    Image.effect_noise((4_000, 3_000), 40).convert("RGB").save(out, "JPEG", quality=80)
    return out.getvalue()


def busy(server: Server, alice: Person, bob: Person) -> list[float]:
    """Measure while ten sign-ups hash and ten pictures convert, again and again."""
    stop, jpeg = threading.Event(), picture()
    owner = Person(server, f"owner{time.time_ns()}")
    mark = time.time_ns() % 10**9

    def sign_up(number: int) -> None:
        name = f"u{mark}x{number}"
        Browser(server.url).sends("/signup", username=name, password=PASSWORD)

    def convert(number: int) -> None:
        owner.browser.sends("/settings", files={"avatar": ("x.jpg", jpeg)})

    threads = repeat(sign_up, stop) + repeat(convert, stop)
    time.sleep(1)
    try:
        return ways(alice, bob)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


def show(name: str, taken: list[float]) -> None:
    """Print a row."""
    ordered = sorted(taken)
    p99 = ordered[int(len(ordered) * 0.99)]
    print(f"{name:<28}{statistics.median(ordered):>8.1f} ms{p99:>8.1f} ms{len(ordered):>7}")


def memory_kb(server: Server) -> int:
    """Give the server's resident memory."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        limits = {"SOYUZ_SPAM_LIMIT": "off", "SOYUZ_SIGNUP_LIMIT": "100000/1m"}
        server = Server(Path(folder) / "data", **limits, SOYUZ_SOCKETS_PER_USER="1000")
        alice, bob = Person(server, "alice"), Person(server, "bob")
        bob.hears("session:ready")
        idle: list[float] = []
        loaded: list[float] = []
        for _ in range(ROUNDS):
            idle += ways(alice, bob)
            loaded += busy(server, alice, bob)
        print(f"{'post to the other window':<28}{'p50':>11}{'p99':>11}{'n':>7}")
        show("idle", idle)
        show("hashing and converting", loaded)
        ratio = statistics.median(loaded) / statistics.median(idle)
        print(f"p50, busy against idle: {ratio:.1f}x")
        before = memory_kb(server)
        for _ in range(100):
            bob.opens_tab()
        time.sleep(1)
        print(f"memory per idle connection: {(memory_kb(server) - before) / 100:.0f} kB (of 100)")
        bob.leaves()
        alice.leaves()
        server.stop()
    kept = [p for p in (ROOT / "static").rglob("*") if p.suffix in (".js", ".css", ".svg", ".json")]
    print(
        f"all static files, compressed: {sum(len(gzip.compress(p.read_bytes())) for p in kept)} B"
    )


if __name__ == "__main__":
    main()
