"""The daemon's socket, with real clients on real sockets."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photond.config import locations
from photond.daemon import protocol, server
from photond.daemon.client import DaemonError, ask, encode_request
from photond.daemon.listening import DaemonRunningError, inherited_socket
from photond.daemon.protocol import Found, FoundPhoto, FoundTag
from photond.daemon.server import Server
from photond.errors import ConfigError, ExitCode, PhotondError
from tests.daemon.stand_in import StandIn


class Recorder(StandIn):
    """A daemon without work, which finds the same photo as often as it is asked to."""

    def query(self, request: protocol.QueryRequest) -> Found:
        self.asked.append(request)
        photo = FoundPhoto(
            path="/photo \udcff\n.jpg",
            score=0.5,
            probability=None,
            tags=(FoundTag(tag="cat", confidence=0.9),),
            taken_at=None,
            width=3,
            height=2,
            copies=1,
            offline=False,
        )
        if request.text == "a bug":
            raise ZeroDivisionError(request.text)
        return Found(photos=(photo,) * request.limit, notes=("one waits",))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "photond" / "photond.sock"


@pytest.fixture
def control() -> Recorder:
    return Recorder()


@pytest.fixture
def running(control: Recorder, path: Path) -> Iterator[Server]:
    with Server(control, control, path) as running:
        yield running


@contextlib.contextmanager
def connected(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(30)
        client.connect(str(path))
        yield client


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("photond-")]


def wait_until_alone() -> None:
    """Until no client is being served."""
    end = time.monotonic() + 30
    while "photond-client" in threads():
        assert time.monotonic() < end
        time.sleep(0.01)


SEARCH = {"database": "/index.db", "pack": "mini", "limit": 2}


@pytest.mark.usefixtures("running")
def test_every_command_reaches_the_daemon_and_is_answered(path, control) -> None:
    assert ask("status", path=path).result["doing"] == "waiting for photos"
    found = ask("query", path=path, text="cat", **SEARCH)
    assert [photo["path"] for photo in found.items] == ["/photo \udcff\n.jpg"] * 2
    assert found.items[0]["tags"] == [{"tag": "cat", "confidence": 0.9}]
    assert found.result == {"notes": ["one waits"]}
    assert ask("pause", path=path).result == {}
    assert ask("resume", path=path).result == {}
    assert ask("rescan", path=path, paths=["/a"]).result == {"rescan": 7}
    assert ask("retry", path=path, paths=["/b\udcff"]).result == {}
    assert ask("stop", path=path).result == {}
    assert control.asked[0] == protocol.QueryRequest(text="cat", **SEARCH)
    assert control.asked[1:] == [
        "pause",
        "resume",
        ("rescan", ("/a",)),
        ("retry", ("/b\udcff",)),
        "stop",
    ]


@pytest.mark.usefixtures("running")
def test_what_fails_is_told_with_its_remedy_and_exit_code(path) -> None:
    with pytest.raises(DaemonError) as raised:
        ask("reload", path=path)
    error = raised.value
    assert (error.message, error.remedy) == ("line 3 is wrong", "Mend it.")
    assert error.exit_code == ExitCode.CONFIGURATION


@pytest.mark.usefixtures("running")
def test_a_bug_is_told_and_the_next_request_is_answered(path) -> None:
    with pytest.raises(DaemonError, match="ZeroDivisionError: a bug"):
        ask("query", path=path, text="a bug", **SEARCH)
    assert ask("status", path=path) is not None


@pytest.mark.usefixtures("running")
def test_several_requests_on_one_connection_are_answered_in_order(path) -> None:
    with connected(path) as client, client.makefile("rb") as answers:
        client.sendall(encode_request("pause") + b"nonsense\n")
        client.sendall(encode_request("retry"))
        assert [next(iter(json.loads(answers.readline()))) for _ in range(3)] == [
            "result",
            "error",
            "result",
        ]


@pytest.mark.usefixtures("running")
@settings(max_examples=60)
@given(st.lists(st.binary(max_size=50), max_size=4))
def test_any_lines_get_as_many_answers(lines) -> None:
    lines = [line.replace(b"\n", b"") for line in lines]
    # The fixture is one and the same for all examples.
    with connected(CURRENT[0]) as client:
        client.sendall(b"".join(line + b"\n" for line in lines))
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answers:
            said = answers.readlines()
    assert len(said) == len(lines)
    assert all(set(json.loads(one)) <= {"result", "error"} for one in said)


CURRENT: list[Path] = []


@pytest.fixture(autouse=True)
def _current(path: Path) -> Iterator[None]:
    CURRENT[:] = [path]
    yield
    assert "photond-server" not in threads()


def test_slow_silent_and_dead_clients_keep_nobody_and_are_dropped(path, control) -> None:
    with (
        Server(control, control, path, deadline=1.0),
        connected(path) as silent,
        connected(path) as slow,
        connected(path) as deaf,
    ):
        slow.sendall(b'{"photond"')
        with connected(path) as dead:
            dead.sendall(b'{"phot')
        big = encode_request("query", text="x", **SEARCH | {"limit": 100_000})
        deaf.sendall(big)  # and never reads the answer, which is some 10 MB
        began = time.monotonic()
        assert ask("status", path=path) is not None
        assert time.monotonic() - began < 10
        end = time.monotonic() + 20
        while time.monotonic() < end and "photond-client" in threads():
            # A byte now and then does not buy more time.
            try:
                slow.send(b" ")
            except OSError:
                break
            time.sleep(0.05)
        assert silent.recv(1) == b""
        wait_until_alone()
        assert ask("status", path=path) is not None


@pytest.mark.usefixtures("running")
def test_a_request_without_end_is_refused_after_a_megabyte(path) -> None:
    with connected(path) as client, contextlib.suppress(ConnectionError):
        for _ in range(100):
            client.sendall(b"x" * 65536)
        pytest.fail("six megabytes were taken")
    assert ask("status", path=path) is not None
    with connected(path) as client, client.makefile("rb") as answers:
        client.sendall(b"x" * protocol.MAX_LINE_BYTES + b"\n")
        assert b"longer than" in answers.readline()


def test_a_long_answer_keeps_nobody_waiting(path, control) -> None:
    with Server(control, control, path):
        control.may_answer.clear()
        late: list[object] = []
        asking = threading.Thread(target=lambda: late.append(ask("status", path=path)))
        asking.start()
        assert ask("retry", path=path).result == {}
        assert late == []
        control.may_answer.set()
        asking.join(30)
        assert len(late) == 1


def test_more_clients_than_there_is_room_for_wait_their_turn(path, control) -> None:
    with (
        Server(control, control, path, max_clients=2, deadline=2.0),
        connected(path) as one,
        connected(path),
        connected(path) as third,
    ):
        third.sendall(encode_request("retry"))
        one.close()
        with third.makefile("rb") as answers:
            assert json.loads(answers.readline()) == {"result": {}}
        # And when nobody leaves, those who say nothing are hung up on.
        assert ask("status", path=path) is not None


def test_closing_does_not_wait_for_room(path, control) -> None:
    with Server(control, control, path, max_clients=1) as running, connected(path):
        while "photond-client" not in threads():
            time.sleep(0.01)
        began = time.monotonic()
        running.close()
        assert time.monotonic() - began < server.CLOSING


def test_many_clients_at_once_are_all_answered(path, control) -> None:
    answers = []
    with Server(control, control, path):
        asking = [
            threading.Thread(target=lambda: answers.append(ask("status", path=path)))
            for _ in range(20)
        ]
        for one in asking:
            one.start()
        for one in asking:
            one.join(30)
    assert len(answers) == 20
    assert None not in answers


def test_closing_lets_an_answer_out_that_is_under_way(path, control) -> None:
    running = Server(control, control, path)
    running.start()
    control.may_answer.clear()
    late: list[object] = []
    asking = threading.Thread(target=lambda: late.append(ask("status", path=path)))
    asking.start()
    while "photond-client" not in threads():
        time.sleep(0.01)
    time.sleep(0.1)
    closing = threading.Thread(target=running.close)
    closing.start()
    control.may_answer.set()
    closing.join(30)
    asking.join(30)
    assert late[0].result["pid"] == os.getpid()
    assert not path.exists()


def test_closing_does_not_wait_for_clients_that_do_nothing(path, control) -> None:
    with Server(control, control, path) as running, connected(path) as idle:
        ask("status", path=path)
        began = time.monotonic()
        running.close()
        assert time.monotonic() - began < server.CLOSING
        assert idle.recv(1) == b""


@pytest.mark.usefixtures("running")
def test_the_socket_is_its_owners_alone(path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_could_read_is_closed_to_them(path, control) -> None:
    path.parent.mkdir(mode=0o755)
    with Server(control, control, path):
        assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_another_user_is_refused_even_where_the_files_let_them_in(control) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        _ask_as_nobody(Path(folder) / "photond" / "photond.sock", control)


def _ask_as_nobody(path: Path, control: Recorder) -> None:
    with Server(control, control, path):
        path.chmod(0o666)
        path.parent.chmod(0o755)
        code = (
            "import os, socket, sys; os.setgid(65534); os.setuid(65534); s = socket.socket(1, 1); "
            "s.connect(sys.argv[1]); print(s.recv(10))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
        )
        assert done.stdout.strip() == "b''", done.stderr
        assert ask("status", path=path) is not None


def test_the_socket_of_a_daemon_that_was_killed_is_replaced(path, control) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as killed:
        killed.bind(str(path))
    assert ask("status", path=path) is None
    with Server(control, control, path):
        assert ask("status", path=path) is not None
    assert ask("status", path=path) is None


@pytest.mark.usefixtures("running")
def test_the_socket_of_a_daemon_that_lives_is_left_to_it(path, control) -> None:
    with pytest.raises(DaemonRunningError, match="another photond daemon"):
        Server(control, control, path)
    assert ask("status", path=path) is not None


def test_a_socket_at_which_something_else_listens_is_left_to_it(path, control) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(DaemonRunningError):
            Server(control, control, path)
        assert path.exists()


def test_a_file_in_the_sockets_place_is_not_removed(path, control) -> None:
    path.parent.mkdir()
    path.write_text("mine")
    with pytest.raises(PhotondError, match="cannot listen"):
        Server(control, control, path)
    assert path.read_text() == "mine"


def test_a_path_that_is_too_long_for_a_socket_is_said(tmp_path, control) -> None:
    with pytest.raises(PhotondError, match=r"cannot listen .*too long"):
        Server(control, control, tmp_path / ("x" * 120) / "photond.sock")


def test_a_closed_server_does_not_remove_the_socket_of_its_successor(path, control) -> None:
    with Server(control, control, path):
        path.unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.bind(str(path))
    assert path.exists()


SERVE_INHERITED = """
import os, sys, threading
from tests.daemon.test_server import Recorder
from photond.daemon.listening import inherited_socket
from photond.daemon.server import Server
from pathlib import Path
os.environ["LISTEN_PID"] = str(os.getpid())
inherited = inherited_socket()
assert inherited is not None and "LISTEN_FDS" not in os.environ
with Server(Recorder(), Recorder(), Path("/not/used"), inherited=inherited):
    sys.stdin.read()
"""


def test_a_socket_from_systemd_is_served_and_left_where_it_is(path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        code = f"import os; os.dup2({listener.fileno()}, 3)\n" + SERVE_INHERITED
        with subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            env=os.environ | {"LISTEN_FDS": "1"},
            cwd=Path(__file__).parents[2],
        ) as daemon:
            assert ask("status", path=path).result["pid"] == daemon.pid
            daemon.communicate(timeout=30)
        assert daemon.returncode == 0
    assert path.exists()


def test_sockets_that_are_meant_for_another_process_are_left_alone() -> None:
    for environ in ({}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_FDS": "1"}):
        assert inherited_socket(environ) is None
        assert environ == {}


@pytest.mark.parametrize("answer", [b"", b"nonsense\n", b"[]\n", b'{"error": {}}\n', b'{"result"'])
def test_a_daemon_that_talks_nonsense_is_an_error_and_no_crash(path, answer) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def talk() -> None:
            connection, _ = listener.accept()
            connection.recv(100)
            connection.sendall(answer)
            connection.close()

        talking = threading.Thread(target=talk)
        talking.start()
        with pytest.raises(DaemonError):
            ask("status", path=path)
        talking.join(30)


def test_a_daemon_that_does_not_answer_is_given_up(path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(DaemonError, match="has not answered"):
            ask("status", path=path, timeout=0.2)


def test_without_a_place_for_sockets_there_is_no_daemon(monkeypatch) -> None:
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_RUNTIME_DIR", value)
        assert ask("status") is None
        with pytest.raises(ConfigError, match="XDG_RUNTIME_DIR is not set"):
            locations.runtime_dir()


def test_asking_loads_nothing_heavy() -> None:
    code = (
        "import sys; from photond.daemon.client import ask; assert ask('status') is None\n"
        "heavy = {'onnxruntime', 'numpy', 'PIL', 'sqlite_utils', 'structlog', 'tokenizers',"
        "'sqlean', 'watchdog', 'rich', 'asyncio'}; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"XDG_RUNTIME_DIR": "/nowhere"},
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.usefixtures("running")
def test_a_machine_without_room_for_a_thread_serves_again_when_there_is(path, monkeypatch) -> None:
    def start(thread: threading.Thread) -> None:
        del thread
        monkeypatch.undo()
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(DaemonError, match="went away"):
        ask("status", path=path)
    assert ask("status", path=path) is not None


def test_the_status_says_why_searches_are_slower_than_they_could_be(tmp_path) -> None:
    path = tmp_path / "photond" / "photond.sock"
    daemon = Recorder()
    daemon.trouble = "the vectors cannot be copied: No space left on device"
    with Server(daemon, daemon, path):
        assert ask("status", path=path).result["search_trouble"] == daemon.trouble
