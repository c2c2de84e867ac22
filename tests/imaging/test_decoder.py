"""Decoder processes, with children that misbehave as hostile photos make them."""

import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photond.errors import PictureError
from photond.imaging.confine import has_landlock
from photond.imaging.decode import decode
from photond.imaging.decoder import COMMAND, CrashedError, Decoder, StartError
from photond.imaging.perceptual import perceptual_hash
from photond.imaging.picture import Limits
from photond.imaging.preprocess import InputSpec
from photond.imaging.tensor import to_tensor
from tests import without_landlock
from tests.conftest import SAMPLES

_SPEC = InputSpec(64, "squash", "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
# What landlock alone forbids.
_READING = ("open({there!r}).read", "os.listdir")
_CAT = (SAMPLES / "cat.jpg").read_bytes()
# Runs the real child with its decoding replaced by something worse, for photos named "evil".
_CHILD = """
import ctypes, mmap, os, resource, socket, subprocess, sys, threading, time
from photond.errors import PictureError
from photond.imaging import child
good = child.decode
def decode(data, *, name, **more):
    if name == "evil":
        {body}
    return good(data, name=name, **more)
child.decode = decode
child.main()
"""


def evil(body: str, limits: Limits | None = None, *before: str) -> Decoder:
    command = (sys.executable, *before, "-c", _CHILD.format(body=body))
    return Decoder(limits or Limits(), 10**8, command)


def assert_reads_cat(decoder: Decoder) -> None:
    decoded = decoder.decode(_CAT, "cat.jpg", _SPEC)
    here = decode(_CAT, name="cat.jpg", min_side=_SPEC.size, limits=Limits())
    assert decoded.facts == here.facts
    assert np.array_equal(decoded.pixels, to_tensor(here.image, _SPEC))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("ctypes.string_at(0)", "SIGSEGV"),
        ("os.abort()", "SIGABRT"),
        ("os._exit(0)", "ended by itself"),
        ("os.close(1); time.sleep(60)", "stopped answering"),
        ("os.write(1, b'x' * 100); time.sleep(60)", "makes no sense"),
    ],
)
def test_a_decoder_that_dies_costs_one_photo(body: str, reason: str) -> None:
    decoder = evil(body)
    with pytest.raises(CrashedError) as caught:
        decoder.decode(_CAT, "evil", _SPEC)
    assert reason in caught.value.reason
    assert_reads_cat(decoder)
    decoder.close()


def test_a_failure_that_nobody_foresaw_is_told_as_the_reason() -> None:
    decoder = evil("raise Exception('how odd')")
    with pytest.raises(PictureError) as caught:
        decoder.decode(_CAT, "evil", _SPEC)
    assert not isinstance(caught.value, CrashedError)
    assert caught.value.reason == "Exception: how odd"
    assert_reads_cat(decoder)
    decoder.close()


def test_a_name_of_any_bytes_can_be_asked_for() -> None:
    decoder = Decoder(Limits(), 10**8)
    name = os.fsdecode(b"caf\xe9 \x9b\n.j\xffpg")
    assert decoder.decode(_CAT, name, _SPEC).facts.format == "JPEG"
    decoder.close()


def test_a_decoder_that_eats_memory_costs_one_photo() -> None:
    decoder = evil("x = [bytes(2**30) for _ in range(2**20)]", Limits(max_pixels=10**6))
    with pytest.raises(PictureError, match=r"more than 2,321 MB \(index.max_meg") as caught:
        decoder.decode(_CAT, "evil", _SPEC)
    assert not isinstance(caught.value, CrashedError)
    assert_reads_cat(decoder)
    decoder.close()


def test_a_decoder_that_never_ends_is_ended_at_the_limit() -> None:
    decoder = evil("time.sleep(600)", Limits(max_seconds=2.0))
    assert_reads_cat(decoder)
    with pytest.raises(PictureError, match="took more than 2 s"):
        decoder.decode(_CAT, "evil", _SPEC)
    assert_reads_cat(decoder)
    decoder.close()


@pytest.mark.parametrize(
    "attempt",
    [
        "open({there!r}).read()",
        "os.listdir(os.path.dirname({there!r}))",
        "open({there!r}, 'a')",
        "open({new!r}, 'w')",
        "os.open({new!r}, os.O_CREAT)",
        "os.truncate({there!r}, 0)",
        "os.chmod({there!r}, 0o777)",
        "os.fchmod(0, 0o777)",
        "os.utime({there!r})",
        "os.unlink({there!r})",
        "os.rename({there!r}, {new!r})",
        "os.mkdir({new!r})",
        "os.symlink({there!r}, {new!r})",
        "os.setxattr({there!r}, 'user.x', b'x')",
        "subprocess.run(['/bin/true'])",
        "os.execv('/bin/true', ['true'])",
        "os.fork()",
        "os.kill(os.getppid(), 0)",
        "os.pidfd_open(os.getppid())",
        "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)",
        "os.open('/proc/self/fd/' + sys.argv[1], os.O_RDWR)",
        "mmap.mmap(int(sys.argv[1]), 1)",
        "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_UNIX)",
    ],
)
def test_a_decoder_touches_no_file_no_process_and_no_network(attempt: str, tmp_path: Path) -> None:
    if attempt.startswith(_READING) and not has_landlock():
        pytest.skip("no landlock here")
    there, new = tmp_path / "there", tmp_path / "new"
    there.write_text("x")
    before = there.stat()
    decoder = evil(
        f"""try:
            {attempt.format(there=str(there), new=str(new))}
        except PermissionError as error:
            raise PictureError("refused") from error
        raise PictureError("allowed")"""
    )
    with pytest.raises(PictureError, match="refused"):
        decoder.decode(_CAT, "evil", _SPEC)
    assert_reads_cat(decoder)
    decoder.close()
    assert [file.name for file in tmp_path.iterdir()] == ["there"]
    assert there.stat() == before


def test_without_landlock_it_reads_and_writes_not(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("x")
    decoder = evil(
        f"""assert open({str(there)!r}).read() == "x"
        try:
            open({str(there)!r}, "a")
        except PermissionError as error:
            raise PictureError("refused") from error""",
        None,
        without_landlock.__file__,
    )
    with pytest.raises(PictureError, match="refused"):
        decoder.decode(_CAT, "evil", _SPEC)
    decoder.close()


def test_a_decoder_starts_threads_and_is_confined_before_it_has_any() -> None:
    """What is forbidden is forbidden to the thread that asks, and to those that it starts."""
    decoder = evil(
        """threads = []
        for _ in range(4):
            threads.append(threading.Thread(target=socket.socket))
            threads[-1].start()
            threads[-1].join()"""
    )
    assert_reads_cat(decoder)
    assert decoder._process is not None
    status = Path(f"/proc/{decoder._process.pid}/status").read_text()
    assert "Threads:\t1\n" in status
    assert "Seccomp:\t2\n" in status
    assert decoder.decode(_CAT, "evil", _SPEC).facts.format == "JPEG"
    decoder.close()


def test_a_photo_whose_decoder_is_killed_is_tried_again() -> None:
    decoder = Decoder(Limits(), 10**8)
    assert_reads_cat(decoder)
    assert decoder._process is not None
    os.kill(decoder._process.pid, signal.SIGKILL)
    assert_reads_cat(decoder)
    decoder.close()


def test_what_a_decoder_in_c_complains_of_is_not_heard(capfd: pytest.CaptureFixture[str]) -> None:
    decoder = evil("os.write(2, b'Fax3Decode2D: Warning'); raise PictureError('damaged')")
    with pytest.raises(PictureError, match="damaged"):
        decoder.decode(_CAT, "evil", _SPEC)
    decoder.close()
    assert "Fax" not in capfd.readouterr().err


def test_a_photo_whose_decoder_is_killed_while_it_starts_is_tried_again(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    script = f'if [ -e {flag} ]; then exec "$0" "$@"; else touch {flag}; kill -9 $$; fi'
    decoder = Decoder(Limits(), 10**8, ("/bin/sh", "-c", script, *COMMAND))
    assert_reads_cat(decoder)
    assert flag.exists()
    decoder.close()


def test_why_a_decoder_does_not_start_is_heard(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StartError, match="the log may say why"):
        Decoder(Limits(), 10**8, (sys.executable, "-c", "import missing")).decode(
            _CAT, "cat.jpg", _SPEC
        )
    assert "ModuleNotFoundError" in capfd.readouterr().err


def test_a_decoder_of_another_version_is_no_photos_fault() -> None:
    other = "import os, time; os.write(1, b'wxyz'); time.sleep(60)"
    with pytest.raises(StartError, match="start it again"):
        Decoder(Limits(), 10**8, (sys.executable, "-c", other)).decode(_CAT, "cat.jpg", _SPEC)


@pytest.mark.parametrize(
    ("width", "height", "said"), [(65, 64, 65 * 64 * 3), (0, 64, 0), (64, 64, 64 * 64 * 3 - 1)]
)
def test_a_decoder_that_says_another_size_is_not_believed(
    width: int, height: int, said: int
) -> None:
    decoder = evil(
        "facts = good(data, name='cat.jpg', **more).facts; "
        f"said = child.msgspec.msgpack.encode(child.Done(facts, bytes(16), {width}, {height})); "
        f"os.write(1, child.FRAME.pack(len(said), {said}) + said + bytes({said})); time.sleep(60)"
    )
    with pytest.raises(CrashedError, match="makes no sense"):
        decoder.decode(_CAT, "evil", _SPEC)
    decoder.close()


@pytest.mark.parametrize("size", [(64, 64), (100, 30), (4000, 4000)])
def test_a_thumbnail_is_the_photo_in_its_proportions(size: tuple[int, int]) -> None:
    decoder = Decoder(Limits(), 10**8)
    shown = decoder.thumbnail(_CAT, "cat.jpg", size)
    decoder.close()
    here = decode(_CAT, name="cat.jpg", min_side=min(size), limits=Limits()).image
    assert shown.perceptual_hash == perceptual_hash(here)
    here.thumbnail(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    assert np.array_equal(np.asarray(shown.image), np.asarray(here))


def test_a_decoder_that_cannot_be_started_is_no_photos_fault() -> None:
    with pytest.raises(StartError):
        Decoder(Limits(), 10**8, ("/nowhere/python",)).decode(_CAT, "cat.jpg", _SPEC)


@pytest.mark.parametrize("is_running", [True, False])
def test_want_of_descriptors_and_of_room_is_no_photos_fault(is_running: bool) -> None:
    decoder = Decoder(Limits(), 10**8)
    kind, most = resource.RLIMIT_NOFILE, 3
    if is_running:
        assert_reads_cat(decoder)
        kind, most = resource.RLIMIT_FSIZE, 1 << 20
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (most, before[1]))
    try:
        with pytest.raises(StartError):
            decoder.decode(_CAT + bytes(1 << 20), "cat.jpg", _SPEC)
    finally:
        resource.setrlimit(kind, before)
    assert_reads_cat(decoder)
    decoder.close()


def test_a_decoder_dies_with_the_thread_that_started_it() -> None:
    decoder = Decoder(Limits(), 10**8)
    thread = threading.Thread(target=assert_reads_cat, args=[decoder])
    thread.start()
    thread.join()
    assert decoder._process is not None
    assert decoder._process.wait(30) == -signal.SIGKILL
    decoder.close()


def test_a_decoder_starts_without_numpy_which_takes_longer_to_load_than_all_else() -> None:
    loads = "import sys, photond.imaging.child; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", loads], check=True)


_FIRST_ANSWERS = """
import sys, threading
from photond.imaging import decoder, message
from photond.imaging.picture import Facts
said = decoder.msgspec.msgpack.encode(message.Done(Facts("JPEG", 1, 1), bytes(16), 1, 1))
barrier = threading.Barrier(8)
def read():
    barrier.wait()
    decoder._ANSWERS.decode(said)
threads = [threading.Thread(target=read) for _ in range(8)]
sys.setswitchinterval(1e-7)
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_the_first_answers_can_come_to_all_workers_at_once() -> None:
    for _ in range(5):
        subprocess.run([sys.executable, "-c", _FIRST_ANSWERS], check=True)
