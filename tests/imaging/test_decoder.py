"""Decoder processes, with children that misbehave as hostile photos make them."""

import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from photond.errors import PictureError
from photond.imaging.decode import decode
from photond.imaging.decoder import CrashedError, Decoder, StartError
from photond.imaging.picture import Limits
from photond.imaging.preprocess import InputSpec, to_tensor
from tests.conftest import SAMPLES

_SPEC = InputSpec(64, "squash", "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_CAT = (SAMPLES / "cat.jpg").read_bytes()
# Runs the real child with its decoding replaced by something worse, for photos named "evil".
_CHILD = """
import ctypes, os, subprocess, sys, time
from photond.errors import PictureError
from photond.imaging import child
good = child.decode
def evil():
    {body}
def decode(data, *, name, **more):
    if name == "evil":
        evil()
    return good(data, name=name, **more)
child.decode = decode
child.main()
"""


def evil(body: str, limits: Limits | None = None) -> Decoder:
    command = (sys.executable, "-c", _CHILD.format(body=body))
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


def test_a_decoder_that_eats_memory_costs_one_photo() -> None:
    decoder = evil("x = [bytearray(2**30) for _ in range(2**20)]", Limits(max_pixels=10**6))
    with pytest.raises(PictureError, match="more memory") as caught:
        decoder.decode(_CAT, "evil", _SPEC)
    assert not isinstance(caught.value, CrashedError)
    assert_reads_cat(decoder)
    decoder.close()


def test_a_decoder_that_never_ends_is_ended_at_the_limit() -> None:
    decoder = evil("time.sleep(600)", Limits(max_seconds=1.0))
    assert_reads_cat(decoder)
    with pytest.raises(PictureError, match="took more than 1 s"):
        decoder.decode(_CAT, "evil", _SPEC)
    assert_reads_cat(decoder)
    decoder.close()


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/hostname').read()",
        "open({target!r}, 'w').write('x')",
        "subprocess.run(['/bin/true'])",
    ],
)
def test_a_decoder_reads_writes_and_runs_no_file(attempt: str, tmp_path: Path) -> None:
    target = tmp_path / "written"
    decoder = evil(
        f"""try:
        {attempt.format(target=str(target))}
    except OSError as error:
        raise PictureError("refused") from error"""
    )
    with pytest.raises(PictureError, match="refused"):
        decoder.decode(_CAT, "evil", _SPEC)
    decoder.close()
    assert not target.exists()


def test_a_photo_whose_decoder_is_killed_is_tried_again() -> None:
    decoder = Decoder(Limits(), 10**8)
    assert_reads_cat(decoder)
    assert decoder._process is not None
    os.kill(decoder._process.pid, signal.SIGKILL)
    assert_reads_cat(decoder)
    decoder.close()


def test_a_decoder_that_cannot_be_started_is_no_photos_fault() -> None:
    with pytest.raises(StartError):
        Decoder(Limits(), 10**8, ("/nowhere/python",)).decode(_CAT, "cat.jpg", _SPEC)


def test_a_decoder_dies_with_the_thread_that_started_it() -> None:
    decoder = Decoder(Limits(), 10**8)
    thread = threading.Thread(target=assert_reads_cat, args=[decoder])
    thread.start()
    thread.join()
    assert decoder._process is not None
    assert decoder._process.wait(30) == -signal.SIGKILL
    decoder.close()
