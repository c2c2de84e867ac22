"""`photond models download` in a process of its own, against a hub that misbehaves."""

import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from photond.models.pack import load_pack
from photond.models.shelf import BUILT_IN
from tests import hub as hubs
from tests.cli.test_setup import in_terminal
from tests.conftest import Command

IMAGE, TEXT, TOKENIZER, LABELS = "onnx/image.onnx", "onnx/text.onnx", "tokenizer.json", "labels.npz"
FILES = {
    path: (BUILT_IN / "mini" / path.rpartition("/")[2]).read_bytes()
    for path in (IMAGE, TEXT, TOKENIZER, LABELS)
}
BYTES = sum(map(len, FILES.values()))
MEGABYTES = f"{BYTES / 1e6:,.0f} MB"


@dataclass(frozen=True)
class Downloader(Command):
    """The command with a registry of its own; what it connects to is written down."""

    registry: Path
    hub: hubs.Hub

    def argv(self, *arguments: str | os.PathLike[str]) -> list[str]:
        runner = Path(__file__).with_name("with_registry.py")
        own = [sys.executable, runner, self.registry, self.home / "addresses"]
        return [os.fspath(one) for one in (*own, *arguments)]

    @property
    def models(self) -> Path:
        return self.home / "data" / "photond" / "models"

    @property
    def folder(self) -> Path:
        return self.models / "tiny"

    @property
    def staging(self) -> Path:
        return self.models / ".download-tiny"

    def state(self, text: str, changed: str) -> None:
        """Change what the registry says of the pack."""
        manifest = self.registry / "tiny" / "model.toml"
        assert text in manifest.read_text()
        manifest.write_text(manifest.read_text().replace(text, changed))

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Start it, and do not wait for it."""
        return subprocess.Popen(
            self.argv(*arguments),
            env=self.environ | more,
            cwd=self.home,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


@pytest.fixture
def tiny(photond: Command, tmp_path: Path) -> Iterator[Downloader]:
    """The command, with a pack `tiny` to download: the files of the one that comes with photond."""
    text = (BUILT_IN / "mini" / "model.toml").read_text()
    text = re.sub(r'(?m)^sha256 = ".*"\n', "", text)
    for path, content in FILES.items():
        file = path.rpartition("/")[2]
        stated = f'file = "{file}"\nremote = "{path}"\nbytes = {len(content)}'
        text = text.replace(f'file = "{file}"', stated)
    text = text.replace('name = "mini"', 'name = "tiny"')
    text = re.sub(
        r"(?m)^revision = .*$", f'revision = "main"\nrepository = "{hubs.REPOSITORY}"', text
    )
    manifest = tmp_path / "registry" / "tiny" / "model.toml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(text)
    with hubs.running(dict(FILES)) as hub:
        environ = photond.environ | {"HF_ENDPOINT": hub.url}
        yield Downloader(photond.home, environ, tmp_path / "registry", hub)


def test_a_pack_is_downloaded_listed_used_and_removed(tiny) -> None:
    absent = {one["name"]: one for one in tiny("models", "list", "--json").json}["tiny"]
    assert (absent["downloaded"], absent["bytes"], absent["path"]) == (False, BYTES, None)
    assert f"not downloaded, {MEGABYTES}" in tiny("models", "list").stdout
    assert "photond models download tiny" in tiny("models", "use", "tiny", code=4).stderr

    run = tiny("models", "download", "tiny")
    assert run.stdout == f"tiny: {tiny.folder}\nTo search with it: photond models use tiny\n"
    announced = run.stderr.splitlines()[0]
    for fact in ("Apache-2.0", MEGABYTES, f"{tiny.hub.url}/somebody/tiny", hubs.COMMIT[:12]):
        assert fact in announced
    assert sorted(one.name for one in tiny.models.iterdir()) == [".lock-tiny", "tiny"]

    there = {one["name"]: one for one in tiny("models", "list", "--json").json}["tiny"]
    assert (there["downloaded"], there["bytes"], there["error"]) == (True, BYTES, None)
    tiny("models", "verify", "tiny")
    tiny("models", "use", "tiny")
    assert "in use" in tiny("models", "remove", "tiny", code=4).stderr
    tiny("models", "use", "mini")
    tiny("models", "remove", "tiny")
    assert [one.name for one in tiny.models.iterdir()] == [".lock-tiny"]
    assert "no model pack" in tiny("models", "remove", "tiny", code=4).stderr


def test_a_pack_that_still_answers_is_not_removed(tiny, photos, sample) -> None:
    # Another embedding space by name, with the same embeddings.
    tiny.state('canonicalise = "none"', 'canonicalise = "lower"')
    tiny("models", "download", "tiny")
    sample("cat", photos / "cat.jpg")
    tiny("index", photos, PHOTOND_MODEL_PACK="tiny")
    assert "still answers" in tiny("models", "remove", "tiny", code=4).stderr
    tiny("index", photos)
    tiny("models", "remove", "tiny")


def test_the_pack_states_what_was_fetched(tiny) -> None:
    stated = tiny("models", "download", "tiny", "--json").json
    assert stated == {
        "name": "tiny",
        "path": str(tiny.folder),
        "revision": hubs.COMMIT,
        "bytes": BYTES,
    }
    pack, mini = load_pack(tiny.folder), load_pack(BUILT_IN / "mini")
    assert pack.revision == hubs.COMMIT
    assert [part.sha256 for part in pack.parts] == [part.sha256 for part in mini.parts]
    assert sum(part.bytes or 0 for part in pack.parts) == BYTES
    written = (tiny.folder / "model.toml").read_text()
    assert "# (x - 127) / 128 of x in 0..255, said of x / 255." in written
    assert pack.fingerprint == mini.fingerprint


def test_all_files_are_of_the_commit_that_the_branch_was_at(tiny) -> None:
    tiny("models", "download", "tiny")
    revisions = [re.findall("/resolve/([^/]+)/", one.path) for one in tiny.hub.requests]
    assert [found[0] for found in revisions if found] == ["main", *[hubs.COMMIT] * 7]


def test_nothing_but_the_hub_is_asked_and_little_is_told_it(tiny) -> None:
    tiny("models", "download", "tiny")
    ports = {url.rpartition(":")[2] for url in (tiny.hub.url, tiny.hub.cdn)}
    turned_to = {
        re.sub(r"[()b']", "", line) for line in (tiny.home / "addresses").read_text().splitlines()
    }
    assert turned_to == {f"127.0.0.1, {port}" for port in ports}
    told = {name.lower() for one in tiny.hub.requests for name in one.headers}
    assert told == {
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "user-agent",
        "x-amzn-trace-id",  # a random number, new each time
    }
    for request in tiny.hub.requests:
        assert re.fullmatch(r"photond/\S+; hf_hub/\S+; python/\S+", request.headers["user-agent"])
    # Neither a cache of the library's own nor anything else.
    assert {one.name for one in tiny.home.iterdir()} == {"addresses", "data"}


def test_a_token_is_for_the_hub_alone(tiny) -> None:
    tiny("models", "download", "tiny", HF_TOKEN="hf_secret")
    cdn = tiny.hub.cdn.removeprefix("http://")
    for request in tiny.hub.requests:
        is_hub = request.host != cdn
        assert request.headers.get("authorization") == ("Bearer hf_secret" if is_hub else None)
    assert "hf_secret" not in "".join(
        path.read_text("latin-1") for path in tiny.models.rglob("*.toml")
    )


def test_a_token_that_other_programs_stored_is_not_taken(tiny) -> None:
    stored = tiny.home / ".cache" / "huggingface" / "token"
    stored.parent.mkdir(parents=True)
    stored.write_text("hf_stored")
    tiny("models", "download", "tiny")
    assert not any("authorization" in request.headers for request in tiny.hub.requests)


def test_a_proxy_is_used_where_one_is_set(tiny) -> None:
    """These names cannot be resolved, so that who gets to them went by the proxy."""
    tiny.hub.cdn = "http://cdn.invalid"
    proxy = {"http_proxy": tiny.hub.url, "NO_PROXY": "", "no_proxy": ""}
    tiny("models", "download", "tiny", HF_ENDPOINT="http://hub.invalid", **proxy)
    assert {one.host for one in tiny.hub.requests} == {"hub.invalid", "cdn.invalid"}


def test_what_is_there_and_whole_is_not_fetched_again(tiny) -> None:
    tiny("models", "download", "tiny")
    asked = len(tiny.hub.requests)
    again = tiny("models", "download", "tiny", "--json")
    assert "there already" in again.stderr
    assert again.json["path"] == str(tiny.folder)
    assert len(tiny.hub.requests) == asked
    tiny("models", "download", "tiny", "--force")
    assert tiny.hub.sent(TEXT) == [len(FILES[TEXT])] * 2


def test_what_is_there_and_damaged_is_replaced_when_asked(tiny) -> None:
    tiny("models", "download", "tiny")
    (tiny.folder / "image.onnx").write_bytes(b"damaged")
    assert "--force" in tiny("models", "download", "tiny", code=4).stderr
    tiny("models", "download", "tiny", "--force")
    load_pack(tiny.folder).verify()
    assert sorted(one.name for one in tiny.models.iterdir()) == [".lock-tiny", "tiny"]


def test_the_old_pack_stays_until_the_new_one_is_whole(tiny) -> None:
    tiny("models", "download", "tiny")
    tiny.hub.faults[TEXT].append(hubs.answers(404))
    tiny("models", "download", "tiny", "--force", code=4)
    load_pack(tiny.folder).verify()
    tiny("models", "verify", "tiny")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_download_goes_on_where_it_was(tiny, number) -> None:
    half = len(FILES[TEXT]) // 2
    tiny.hub.faults[TEXT].append(hubs.stalls_after(half))
    running = tiny.start("models", "download", "tiny")
    part = wait_for_part(tiny, half)
    running.send_signal(number)
    _, complaint = running.communicate(timeout=30)
    assert running.returncode == (130 if number == signal.SIGINT else -number)
    assert "Traceback" not in complaint
    if number == signal.SIGINT:
        assert "goes on from there" in complaint
    assert not tiny.folder.exists()
    assert [one["name"] for one in tiny("models", "list", "--json").json if one["downloaded"]] == [
        "mini"
    ]
    assert part.stat().st_size == half

    tiny("models", "download", "tiny")
    assert tiny.hub.sent(TEXT) == [half, len(FILES[TEXT]) - half]
    assert tiny.hub.sent(IMAGE) == [len(FILES[IMAGE])]
    load_pack(tiny.folder).verify()


def wait_for_part(tiny: Downloader, size: int) -> Path:
    for _ in range(3000):
        for part in tiny.staging.glob("text.onnx.*.part"):
            if part.stat().st_size >= size:
                return part
        time.sleep(0.01)
    raise TimeoutError(size)


def test_what_lay_there_and_was_damaged_meanwhile_is_fetched_anew(tiny) -> None:
    """As after a power cut: as long as it was, and zeros."""
    tiny.hub.faults[TEXT].extend([hubs.breaks_after(1_000_000), hubs.answers(404)])
    tiny("models", "download", "tiny", code=4)
    (part,) = tiny.staging.glob("text.onnx.*.part")
    part.write_bytes(bytes(1_000_000))
    image = tiny.staging / "image.onnx"
    image.write_bytes(bytes(len(FILES[IMAGE])))
    run = tiny("models", "download", "tiny")
    assert "damaged" in run.stderr
    load_pack(tiny.folder).verify()


def test_what_belongs_to_another_commit_is_not_gone_on_with(tiny) -> None:
    tiny.hub.faults[TEXT].extend([hubs.breaks_after(1_000_000), hubs.answers(404)])
    tiny.hub.files[TEXT] = FILES[TEXT][:-1] + b"x"
    tiny("models", "download", "tiny", code=4)
    tiny.hub.files[TEXT] = FILES[TEXT]
    tiny("models", "download", "tiny")
    assert tiny.hub.sent(TEXT)[-1] == len(FILES[TEXT])


def test_two_downloads_of_one_pack_are_not_done_at_once(tiny) -> None:
    tiny.hub.faults[TEXT].append(hubs.stalls_after(1000))
    first = tiny.start("models", "download", "tiny")
    tiny.hub.wait_for(TEXT, 1000)
    assert "another photond" in tiny("models", "download", "tiny", code=4).stderr
    assert "another photond" in tiny("models", "remove", "tiny", code=4).stderr
    tiny.hub.halt.set()
    assert first.wait(timeout=60) == 0
    for stream in (first.stdout, first.stderr):
        assert stream is not None
        stream.close()


def test_a_file_with_another_content_never_becomes_a_pack(tiny) -> None:
    tiny.hub.faults[TEXT].append(hubs.sends_other)
    run = tiny("models", "download", "tiny", code=4)
    assert "is not what it should be: its SHA-256 is" in run.stderr
    assert not tiny.folder.exists()
    assert not list(tiny.staging.glob("text.onnx*"))
    tiny("models", "download", "tiny")


def test_a_small_file_is_held_against_its_git_hash(tiny) -> None:
    tiny.hub.faults[TOKENIZER].append(hubs.sends_other)
    run = tiny("models", "download", "tiny", code=4)
    assert "is not what it should be: its git hash is" in run.stderr
    assert not tiny.folder.exists()


def test_what_the_registry_pins_is_what_is_fetched(tiny) -> None:
    tiny.state('revision = "main"', f'revision = "{hubs.COMMIT}"')
    for path, content in FILES.items():
        sha256 = hashlib.sha256(content).hexdigest()
        tiny.state(f'remote = "{path}"', f'remote = "{path}"\nsha256 = "{sha256}"')
    tiny("models", "download", "tiny")
    assert not any("/main/" in request.path for request in tiny.hub.requests)


def test_what_the_registry_pins_is_not_even_fetched_when_the_hub_has_another(tiny) -> None:
    tiny.state(f'remote = "{TEXT}"', f'remote = "{TEXT}"\nsha256 = "{"0" * 64}"')
    run = tiny("models", "download", "tiny", code=4)
    assert "is not the file that this version of photond knows" in run.stderr
    assert not tiny.hub.bodies(TEXT)


def test_another_commit_than_the_registry_pins_is_refused(tiny) -> None:
    tiny.state('revision = "main"', f'revision = "{hubs.COMMIT}"')
    facts = {"X-Repo-Commit": "f" * 40, "ETag": f'"{"0" * 64}"', "Content-Length": "10"}
    tiny.hub.refusals[IMAGE].append((200, facts))
    assert f"asked for {hubs.COMMIT}" in tiny("models", "download", "tiny", code=4).stderr


def test_a_pinned_small_file_is_held_against_the_pin(tiny) -> None:
    tiny.state(f'remote = "{TOKENIZER}"', f'remote = "{TOKENIZER}"\nsha256 = "{"0" * 64}"')
    assert "and not 000000000000" in tiny("models", "download", "tiny", code=4).stderr
    assert not tiny.folder.exists()


@pytest.mark.parametrize("more", [-1000, 1000])
def test_a_hub_that_is_wrong_about_a_length_makes_no_pack(tiny, more) -> None:
    tiny.hub.stated_sizes[TEXT] = len(FILES[TEXT]) + more
    run = tiny("models", "download", "tiny", code=4)
    assert ("HTTP 416" if more > 0 else "sends more than") in run.stderr
    assert not tiny.folder.exists()


def test_a_pack_that_does_not_do_what_it_should_is_kept_out_of_sight(tiny) -> None:
    tiny.state("mean = [0.49803922, 0.49803922, 0.49803922]", "mean = [1.0, 1.0, 1.0]")
    tiny.state("std = [0.50196078, 0.50196078, 0.50196078]", "std = [0.01, 0.01, 0.01]")
    run = tiny("models", "download", "tiny", code=4)
    assert "cannot be used" in run.stderr
    assert str(tiny.staging) in run.stderr
    assert not tiny.folder.exists()
    sent = tiny.hub.sent(TEXT)
    tiny("models", "download", "tiny", code=4)
    assert tiny.hub.sent(TEXT) == sent
    tiny("models", "remove", "tiny")
    assert not tiny.staging.exists()


def test_what_is_not_verified_is_said_before_anything_is_fetched(tiny) -> None:
    tiny.state("embedding_dimension", 'unverified = ["The moon is a cheese."]\nembedding_dimension')
    tiny.hub.faults[IMAGE].append(hubs.answers(404))
    run = tiny("models", "download", "tiny", code=4)
    assert "not verified: The moon is a cheese." in run.stderr.splitlines()


def test_a_hub_that_is_silent_is_given_up(tiny) -> None:
    tiny.hub.faults[TEXT].extend([hubs.stalls_after(0)] * 50)
    run = tiny("models", "download", "tiny", code=4, HF_HUB_DOWNLOAD_TIMEOUT="1")
    assert "nothing came for 1 s" in run.stderr.splitlines()[-1]
    assert tiny.hub.sent(TEXT) == [0] * 5


def test_a_connection_that_falls_silent_is_replaced(tiny) -> None:
    tiny.hub.faults[TEXT].append(hubs.stalls_after(1_000_000))
    tiny("models", "download", "tiny", HF_HUB_DOWNLOAD_TIMEOUT="1")
    assert tiny.hub.sent(TEXT) == [1_000_000, len(FILES[TEXT]) - 1_000_000]


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"HF_ENDPOINT": "http://hub.invalid"}, "cannot be reached"),
        ({"HF_ENDPOINT": "not an address"}, "cannot be reached"),
        ({"HF_ENDPOINT": "http://[::1"}, "HF_ENDPOINT"),
        ({"HF_HUB_DOWNLOAD_TIMEOUT": "soon"}, "HF_HUB_DOWNLOAD_TIMEOUT"),
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE"),
        ({"http_proxy": "socks5://127.0.0.1:9", "no_proxy": ""}, "cannot be reached"),
        ({"http_proxy": "gopher://127.0.0.1:9", "no_proxy": ""}, "cannot be reached"),
        ({"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}, "cannot be reached"),
    ],
    ids=[
        "nobody",
        "no name",
        "nonsense",
        "half an address",
        "no number",
        "offline",
        "socks",
        "gopher",
        "no proxy",
    ],
)
def test_no_network_is_one_sentence(tiny, environ, sentence) -> None:
    run = tiny("models", "download", "tiny", code=4, **environ)
    assert sentence in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_disk_without_the_room_is_not_begun_with(tiny) -> None:
    tiny.hub.stated_sizes[TEXT] = 10**15
    run = tiny("models", "download", "tiny", code=4)
    assert re.search("has room for .* MB, and the pack 'tiny' needs", run.stderr)
    assert not tiny.hub.bodies(TEXT)


def test_a_limit_that_is_met_in_the_middle_is_a_sentence_and_no_loss(tiny) -> None:
    """A limit of a file's size stands for the full disk, which not everyone may make."""
    argv = ["bash", "-c", 'ulimit -f "$0" && exec "$@"', "10000"]  # in KiB
    done = subprocess.run(
        [*argv, *tiny.argv("models", "download", "tiny")],
        env=tiny.environ,
        cwd=tiny.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "there is no room left" in done.stderr
    assert "Traceback" not in done.stderr
    tiny("models", "download", "tiny")
    assert sum(tiny.hub.sent(TEXT)[1:]) == len(FILES[TEXT]) - 10_000 * 1024


@pytest.fixture
def small_disk(tiny: Downloader) -> Iterator[Path]:
    """The folder of the packs on a disk of 100 MB."""
    tiny.models.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=100m", "none", str(tiny.models)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield tiny.models
    subprocess.run(["umount", "--lazy", tiny.models], check=True)


def test_a_disk_that_fills_in_the_middle_is_a_sentence_and_no_loss(tiny, small_disk) -> None:
    tiny.hub.faults[TEXT].append(hubs.stalls_after(8_000_000))
    running = tiny.start("models", "download", "tiny")
    wait_for_part(tiny, 8_000_000)
    others = small_disk / "others"
    with others.open("wb") as file:
        free = shutil.disk_usage(small_disk).free
        os.posix_fallocate(file.fileno(), 0, free - 2_000_000)
    tiny.hub.halt.set()
    _, complaint = running.communicate(timeout=60)
    assert running.returncode == 4
    assert "there is no room left" in complaint
    others.unlink()
    tiny("models", "download", "tiny")
    assert tiny.hub.sent(TEXT)[-1] < len(FILES[TEXT]) - 8_000_000
    load_pack(tiny.folder).verify()


def test_folders_and_files_are_as_the_umask_has_it(tiny) -> None:
    old = os.umask(0o077)
    try:
        tiny("models", "download", "tiny")
    finally:
        os.umask(old)
    for path in (tiny.folder, *tiny.folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_a_folder_that_cannot_be_written_is_a_sentence(tiny) -> None:
    tiny.models.parent.mkdir(parents=True)
    tiny.models.write_text("a file")
    run = tiny("models", "download", "tiny", code=4)
    assert str(tiny.models) in run.stderr


def test_an_unknown_pack_is_answered_with_the_nearest(tiny) -> None:
    assert "Did you mean 'tiny'" in tiny("models", "download", "tinny", code=4).stderr
    assert "models list" in tiny("models", "download", "../outside", code=4).stderr
    assert not tiny.hub.requests


def test_a_terminal_sees_how_far_it_is(tiny) -> None:
    tiny.hub.faults[TEXT].append(hubs.breaks_after(9_000_000))
    shown = in_terminal(tiny, "models", "download", "tiny")
    assert "downloading" in shown
    assert f"/{BYTES / 1e6:.1f} MB" in shown
    assert "MB/s" in shown


def test_no_native_transport_is_loaded() -> None:
    code = (
        "import sys, photond.models.hub, photond.models.download\n"
        "print(sorted({'hf_xet', 'torch', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_is_recommended_is_in_the_registry(photond) -> None:
    listed = {one["name"]: one for one in photond("models", "list", "--json").json}
    assert not listed["siglip-base"]["downloaded"]
    run = photond("models", "download", code=4, HF_ENDPOINT="http://127.0.0.1:9")
    assert "the hub (127.0.0.1:9) cannot be reached" in run.stderr
