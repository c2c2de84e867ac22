"""Fetching from a hub that misbehaves, the folder where a pack is made ready, and the registry."""

import os
import random
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import close_session, constants
from hypothesis import given, settings
from hypothesis import strategies as st

from photond.errors import ModelError
from photond.models.hub import RemoteFile, describe, fetch
from photond.models.pack import read_manifest
from photond.models.registry import find_registered, registered_packs, stated_bytes
from photond.models.shelf import BUILT_IN, pack_folders, remove_pack
from photond.models.staging import Staging, reserved
from tests import hub as hubs

CONTENT = random.Random(0).randbytes(1_000_000)
FILE = "tower.onnx"
FROM_600_000 = "bytes=600000-"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[hubs.Hub]:
    """A hub with a large and a small file, asked by a client with little patience."""
    with hubs.running({FILE: CONTENT, "small.json": b"{}\n"}) as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.5)
        yield running
        close_session()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it was waited between tries, without waiting."""
    waits: list[float] = []
    monkeypatch.setattr("photond.models.hub.time.sleep", waits.append)
    return waits


def remote(path: str = FILE) -> RemoteFile:
    return describe(hubs.REPOSITORY, "main", path)


def ignore(number: int) -> None:
    del number


@pytest.mark.usefixtures("hub")
def test_the_hub_states_the_commit_of_a_branch_and_the_hash_of_each_file() -> None:
    large, small = remote(), remote("small.json")
    assert large.commit == hubs.COMMIT
    assert hubs.COMMIT in large.url
    assert (large.bytes, small.bytes) == (1_000_000, 3)
    assert (large.sha256 is None, large.git_blob) == (False, None)
    # What `git hash-object` prints.
    assert (small.sha256, small.git_blob) == (None, "0967ef424bce6791893e9a57bb952f80fd536e93")


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize(
    ("faults", "ranges"),
    [
        ([], [None]),
        ([hubs.breaks_after(600_000)], [None, FROM_600_000]),
        ([hubs.breaks_after(600_000, reset=True)], [None, FROM_600_000]),
        ([hubs.stalls_after(600_000)], [None, FROM_600_000]),
        ([hubs.ends_early(600_000)], [None, FROM_600_000]),
        ([hubs.breaks_after(600_000), hubs.ignores_range], [None, FROM_600_000]),
        ([hubs.breaks_after(600_000), hubs.sends_other_range], [None, FROM_600_000, None]),
        ([hubs.answers(503), hubs.breaks_after(600_000)], [None, FROM_600_000]),
    ],
    ids=["whole", "broken", "reset", "stalled", "short", "no range", "other range", "busy"],
)
def test_it_goes_on_from_what_came_whatever_the_connection_does(
    hub, tmp_path, faults, ranges
) -> None:
    hub.faults[FILE].extend(faults)
    reported: list[int] = []
    fetch(remote(), tmp_path / "part", reported.append)
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert [one.headers.get("Range") for one in hub.bodies(FILE)] == ranges
    assert sum(reported) == len(CONTENT)


@settings(max_examples=25)
@given(breaks=st.lists(st.integers(0, 300_000), max_size=8))
def test_no_sequence_of_breaks_changes_the_bytes(tmp_path_factory, breaks) -> None:
    part = tmp_path_factory.mktemp("parts") / "part"
    with hubs.running({FILE: CONTENT}) as hub, pytest.MonkeyPatch.context() as patch:
        patch.setattr("photond.models.hub.time.sleep", ignore)
        hub.faults[FILE].extend(map(hubs.breaks_after, breaks))
        url = f"{hub.cdn}/cdn/{FILE}"
        stated = RemoteFile(url, hubs.COMMIT, len(CONTENT), None, None)
        try:
            fetch(stated, part, ignore)
        except ModelError:
            assert part.read_bytes() == CONTENT[: part.stat().st_size]
            fetch(stated, part, ignore)
        close_session()
    assert part.read_bytes() == CONTENT


def test_it_waits_as_long_as_the_hub_asks_it_to(hub, tmp_path, waits) -> None:
    hub.faults[FILE].append(hubs.answers(429, Retry_After="7"))
    fetch(remote(), tmp_path / "part", ignore)
    assert waits == [8]
    assert (tmp_path / "part").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (hubs.breaks_after(1000), "broke off"),
        (hubs.stalls_after(0), "nothing came for 0.5 s"),
        (hubs.ends_early(0), "ended after 0 of 1000000 bytes"),
        (hubs.answers(500), "answered HTTP 500.*Try again later"),
        (hubs.answers(429), "answered HTTP 429.*Try again later"),
        (hubs.answers(403), "answered HTTP 403.*HF_TOKEN"),
        (hubs.answers(404), "HTTP 404"),
        (hubs.answers(416), "answered HTTP 416"),
        (hubs.sends_more, "sends more than the 1000000 bytes"),
    ],
    ids=["broken", "stalled", "empty", "500", "429", "403", "404", "416", "more"],
)
def test_what_does_not_get_better_is_given_up_with_a_sentence(
    hub, tmp_path, waits, fault, sentence
) -> None:
    hub.faults[FILE].extend([fault] * 50)
    with pytest.raises(ModelError, match=sentence):
        fetch(remote(), tmp_path / "part", ignore)
    assert sum(waits) < 60
    there = (tmp_path / "part").read_bytes()
    assert there == CONTENT[: len(there)]


@pytest.mark.usefixtures("hub")
def test_more_than_there_should_be_is_fetched_anew(tmp_path) -> None:
    (tmp_path / "part").write_bytes(bytes(1_000_001))
    fetch(remote(), tmp_path / "part", ignore)
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_nothing_is_written_through_a_link(hub, tmp_path) -> None:
    (tmp_path / "elsewhere").touch()
    (tmp_path / "part").symlink_to("elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        fetch(
            RemoteFile(f"{hub.cdn}/cdn/{FILE}", "", 1_000_000, None, None),
            tmp_path / "part",
            ignore,
        )
    assert (tmp_path / "elsewhere").read_bytes() == b""


def test_a_hub_that_is_busy_when_it_is_asked_is_asked_again(hub, waits) -> None:
    # The first is asked again at once; what it says is not waited for.
    hub.refusals[FILE].extend([(503, {}), (429, {"Retry-After": "3"})])
    assert remote().bytes == len(CONTENT)
    assert waits == [4]


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        ((404, {"X-Error-Code": "EntryNotFound"}), r"has no tower.onnx at somebody/tiny, .*main"),
        ((401, {}), "HF_TOKEN"),
        ((403, {"X-Error-Code": "GatedRepo"}), "HF_TOKEN"),
        ((500, {}), "Try again later"),
        ((200, {}), "is no Hugging Face hub"),
    ],
    ids=["404", "401", "403", "500", "no hub"],
)
def test_what_the_hub_refuses_is_said_in_a_sentence(hub, refusal, sentence) -> None:
    hub.refusals[FILE].extend([refusal] * 50)
    with pytest.raises(ModelError, match=sentence):
        remote()


def test_a_hub_that_cannot_be_reached_is_said_at_once(monkeypatch, waits) -> None:
    template = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    with pytest.raises(ModelError, match=r"cannot be reached.*refused"):
        remote()
    assert waits == []
    close_session()


# The folder where a pack is made ready.


def make_pack(folder: Path, content: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.toml").write_text(content)


def test_what_is_made_ready_is_no_pack(tmp_path) -> None:
    for name in (".download-a", ".replaced-a", ".removed-a", "b"):
        make_pack(tmp_path / name, "")
    assert set(pack_folders(tmp_path)) == {"b", "mini"}


def test_a_pack_takes_the_place_of_another_in_one_step(tmp_path) -> None:
    make_pack(tmp_path / "a", "old")
    with reserved(tmp_path, "a") as staging:
        staging.open([])
        make_pack(staging.folder, "new")
        assert (tmp_path / "a" / "model.toml").read_text() == "old"
        staging.put_in_place()
    assert (tmp_path / "a" / "model.toml").read_text() == "new"
    assert sorted(one.name for one in tmp_path.iterdir()) == [".lock-a", "a"]


def test_an_old_pack_is_back_when_the_new_one_did_not_come_to_take_its_place(tmp_path) -> None:
    make_pack(tmp_path / ".replaced-a", "old")
    make_pack(tmp_path / ".download-a", "new")
    make_pack(tmp_path / ".removed-a", "gone")
    with reserved(tmp_path, "a"):
        assert (tmp_path / "a" / "model.toml").read_text() == "old"
    assert not (tmp_path / ".removed-a").exists()
    assert (tmp_path / ".download-a").exists()


def test_an_old_pack_goes_when_the_new_one_has_taken_its_place(tmp_path) -> None:
    make_pack(tmp_path / ".replaced-a", "old")
    make_pack(tmp_path / "a", "new")
    with reserved(tmp_path, "a"):
        pass
    assert sorted(one.name for one in tmp_path.iterdir()) == [".lock-a", "a"]


def test_of_an_earlier_try_only_the_files_of_this_one_are_kept(tmp_path) -> None:
    folder = tmp_path / ".download-a"
    make_pack(folder / "subfolder", "")
    for name in ("model.toml", "wanted", "other", "linked"):
        (folder / name).write_text("x")
    (folder / "linked").unlink()
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    Staging(tmp_path, "a").open(["wanted", "linked"])
    assert [one.name for one in folder.iterdir()] == ["wanted"]


@pytest.mark.parametrize("name", ["a", ".download-a"])
def test_a_link_is_not_followed_to_somewhere_else(tmp_path, name) -> None:
    elsewhere = tmp_path / "elsewhere"
    make_pack(elsewhere, "kept")
    shelf = tmp_path / "models"
    shelf.mkdir()
    (shelf / name).symlink_to(elsewhere)
    with reserved(shelf, "a") as staging, pytest.raises(ModelError, match="symbolic link"):
        staging.open([])
    remove_pack("a", shelf)
    assert not os.path.lexists(shelf / name)
    assert (elsewhere / "model.toml").read_text() == "kept"


def test_two_processes_cannot_have_one_pack_in_hand(tmp_path) -> None:
    code = (
        "import sys; from pathlib import Path; from photond.models.staging import reserved\n"
        "with reserved(Path(sys.argv[1]), 'a'): pass"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with reserved(tmp_path, "a"), reserved(tmp_path, "b"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "another photond is downloading or removing the pack 'a'" in done.stderr
    subprocess.run(command, check=True)


def test_folders_are_for_the_user_alone(tmp_path) -> None:
    with reserved(tmp_path / "data" / "models", "a"):
        pass
    assert stat.S_IMODE((tmp_path / "data" / "models").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["", ".", "..", ".lock-a", "../outside", "a/..", "none"])
def test_what_is_no_pack_cannot_be_removed(tmp_path, name) -> None:
    make_pack(tmp_path / "outside", "")
    make_pack(tmp_path / "models" / "a", "")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ModelError, match="no model pack"):
        remove_pack(name, tmp_path / "models")
    assert sorted(tmp_path.rglob("*")) == before


def test_the_pack_that_comes_with_photond_cannot_be_removed(tmp_path) -> None:
    with pytest.raises(ModelError, match="part of photond"):
        remove_pack("mini", tmp_path)


# The registry.


@pytest.mark.parametrize(
    "file", ["../outside", "/etc/passwd", "a/b", "..", ".", ".hidden", "", "a\0"]
)
def test_no_file_of_a_pack_can_be_outside_its_folder(tmp_path, file) -> None:
    manifest = (BUILT_IN / "mini" / "model.toml").read_text()
    escaped = file.replace("\0", r"\u0000")
    (tmp_path / "model.toml").write_text(manifest.replace('"image.onnx"', f'"{escaped}"'))
    with pytest.raises(ModelError, match="image"):
        read_manifest(tmp_path / "model.toml")


def test_an_unknown_pack_is_answered_with_the_nearest(tmp_path) -> None:
    make_pack(tmp_path / "mini", (BUILT_IN / "mini" / "model.toml").read_text())
    assert find_registered("mini", tmp_path).title
    with pytest.raises(ModelError, match="Did you mean 'mini'"):
        find_registered("minni", tmp_path)
    with pytest.raises(ModelError, match="models list"):
        find_registered("siglip", tmp_path)


def test_every_registered_pack_can_be_downloaded() -> None:
    for name, pack in registered_packs().items():
        assert pack.name == name
        assert pack.repository is not None
        assert all(part.remote for part in pack.parts)
        assert len({part.file for part in pack.parts} | {"model.toml"}) == len(pack.parts) + 1
        assert stated_bytes(pack) is not None
    assert "mini" not in registered_packs()
