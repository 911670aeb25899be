"""Starting and stopping: what it prints, what it refuses, and that it ends in good order."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from soyuz.settings import BadSetting, load
from tests.conftest import ROOT, Browser, MakePerson, StartServer

# A server that is gone at the moment of listening: what it leaves is what was there by then.
DIES_AT_THE_PORT = """
import os
from soyuz import runtime
runtime.listen = lambda addresses, backlog: os._exit(7)
import server
server.main()
"""


def has_ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def run(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "server.py", *args],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_it_prints_where_to_go_and_how_to_share(start_server: StartServer) -> None:
    server = start_server()
    server.waits_for("/setup/")  # the address, which start waits for, is not the last line
    printed = "".join(server.log)
    assert f"http://localhost:{server.port}" in printed
    assert "--host 0.0.0.0" in printed
    assert "/setup/" in printed
    assert "DeprecationWarning" not in printed


def test_the_data_files_are_there_before_the_port_opens(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DIES_AT_THE_PORT, "run", "--data", str(tmp_path)]
    died = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert died.returncode == 7, died.stderr
    for name in ("users.json", "perma_banned.json", "temp_bans.json", "spam_log.txt", "uploads"):
        assert (tmp_path / name).exists(), name
    assert (tmp_path / "users.json").read_text() == "{}\n"
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "users.json").stat().st_mode & 0o777 == 0o600


def test_loopback_is_both_ipv4_and_ipv6(start_server: StartServer) -> None:
    server = start_server()
    assert requests.get(f"http://127.0.0.1:{server.port}/healthz", timeout=5).ok
    try:
        socket.create_connection(("::1", server.port), 2).close()
    except OSError:
        assert not has_ipv6_loopback()
        pytest.skip("this machine has no IPv6 loopback")


def test_a_taken_port_is_named_with_the_command_for_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = run("--port", str(port), "--data", str(tmp_path / "d"))
    assert answer.returncode == 1
    assert f"port {port} is taken" in answer.stderr
    assert f"bin/run --port {port + 1}" in answer.stderr or not sys.prefix.endswith(".venv")
    assert "Traceback" not in answer.stderr


def test_a_second_server_on_the_folder_refuses_and_names_the_first(
    start_server: StartServer,
) -> None:
    server = start_server()
    answer = run("--port", "0", "--data", str(server.data))
    assert answer.returncode == 1
    assert str(server.process.pid) in answer.stderr
    assert requests.get(server.url + "/healthz", timeout=5).ok


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SOYUZ_SPAM_LIMIT", "many"),
        ("SOYUZ_SPAM_LIMIT", "0/10s"),
        ("SOYUZ_SPAM_LADDER", "30s,warn"),
        ("SOYUZ_LOGIN_LIMIT", "10"),
        ("SOYUZ_FSYNC", "sometimes"),
        ("SOYUZ_PORT", "80000"),
        ("SOYUZ_TRUSTED_PROXIES", "nginx"),
        ("SOYUZ_FAST_PATH", "maybe"),
        ("SOYUZ_SOCKETS_PER_USER", "0"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=f"{name} is '{value}'; it should look like"):
        load({name: value, "SOYUZ_DATA": str(tmp_path)})


def test_a_bad_setting_stops_the_start(tmp_path: Path) -> None:
    for environ in ({"SOYUZ_SPAM_LIMIT": "lots"}, {"SOYUZ_RUNTIME": "asyncio"}):
        answer = run("--data", str(tmp_path / "d"), **environ)
        assert answer.returncode == 1
        assert next(iter(environ)) in answer.stderr
        assert "Traceback" not in answer.stderr
    assert not (tmp_path / "d").exists()


def test_settings_come_from_flag_then_environment_then_file(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('port = 6001\nspam_limit = "5/1m"\n')
    base = {"SOYUZ_DATA": str(tmp_path)}
    assert load(base).port == 6001
    assert load({**base, "SOYUZ_PORT": "6002"}).port == 6002
    assert load({**base, "SOYUZ_PORT": "6002"}, {"port": "6003"}).port == 6003
    assert load(base).spam_limit
    (tmp_path / "settings.toml").write_text("prot = 6001\n")
    with pytest.raises(BadSetting, match="prot"):
        load(base)
    (tmp_path / "settings.toml").write_text("port = \n")
    with pytest.raises(BadSetting, match=r"settings\.toml"):
        load(base)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(
    start_server: StartServer, person: MakePerson, number: signal.Signals
) -> None:
    server = start_server()
    ann = person("ann", at=server)
    receipt = ann.says("last words")
    began = time.monotonic()
    server.process.send_signal(number)
    assert ann.hears("system:alert", code="server_stopping")["text"]
    assert server.stop() == 0
    assert time.monotonic() - began < 5
    server.start()
    ann.browser.url = server.url
    ann.tabs.clear()
    page = ann.asks("history:page", {"room": "lobby"})
    assert [m["id"] for m in page["messages"]] == [receipt["id"]]
    assert ann.browser.opens("/").status_code == 200, "the session survives"


@pytest.mark.parametrize("runtime", ["eventlet", "threading"])
def test_it_ends_though_a_step_of_ending_fails(start_server: StartServer, runtime: str) -> None:
    server = start_server(SOYUZ_RUNTIME=runtime)
    socket_path = server.file("control.sock")
    socket_path.unlink()
    socket_path.mkdir()  # which nobody can unlink
    assert server.stop() == 0
    assert not server.file(".soyuz.owner").exists(), "the folder was given up in good order"
    answer = run("--port", "0", "--data", str(server.data))
    assert answer.returncode == 1
    assert "control.sock" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_it_ends_though_the_folder_is_gone(start_server: StartServer) -> None:
    server = start_server()
    shutil.rmtree(server.data)
    server.data.write_text("a file")
    assert server.stop() == 0


def test_it_runs_on_threads_too(start_server: StartServer, person: MakePerson) -> None:
    server = start_server(SOYUZ_RUNTIME="threading")
    ann, ben = person("ann", at=server), person("ben", at=server)
    ben.hears("session:ready")
    receipt = ann.says("no eventlet here")
    assert ben.hears("message:posted", id=receipt["id"])["text"] == "no eventlet here"


def test_a_broken_users_file_never_means_no_admin_yet(start_server: StartServer) -> None:
    server = start_server()
    Browser(server.url).sends(
        server.waits_for(r"(/setup/\S+)")[1], username="owner", password="correct horse battery"
    )
    server.stop()
    broken = server.file("users.json").read_text()[:-10]
    server.file("users.json").write_text(broken)
    server.start()
    assert "/setup/" not in "".join(server.log)
    assert "users.json, line" in "".join(server.log)
    browser = Browser(server.url)
    answer = browser.sends("/login", username="owner", password="correct horse battery")
    assert answer.status_code == 302
    copies = [copy.read_text() for copy in server.data.glob("users.json.broken-*")]
    assert copies == [broken]
