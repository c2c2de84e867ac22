"""A library of a dozen photos, and what real commands do to its index, call by call."""

import hashlib
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from PIL import Image

from photond.store import copying
from photond.store.database import connect_read_only
from tests.conftest import SAMPLES, Command, make_command
from tests.powercut.calls import Operation, operations, traced

_SIDE = 96
# So that a library this small has a copy of its vectors, which each pass brings up to date.
_SMALL = """
import sys
from photond.store import copying
from photond.store.database import connect_read_only
copying.WORTH_A_FILE, copying.TAIL_ROWS = 4, 0
from photond.__main__ import main
main()
"""

# A few words, so that what is written is more about photos than about labels.
_VOCABULARY = "everyday = false\n" + "".join(
    f'[[concept]]\nname = "{name}"\n'
    for name in (
        "cat",
        "dog",
        "person",
        "rocket",
        "coffee",
        "coin",
        "building",
        "flower",
        "balloon",
    )
)

Verdict = Literal["added", "removed"]
Said = frozenset[tuple[str, str, Verdict]]


@dataclass(frozen=True, slots=True)
class Stage:
    """A command, and what it promises once it has ended well.

    Attributes:
        command: Its first words.
        begun: How many operations were done when it began.
        said: What the user had said of photos when the command was done: SHA-256, tag, and whether it
            was added or removed.
    """

    command: str
    begun: int
    said: Said


@dataclass(slots=True)
class Recording:
    """What commands did to the files of an index, and what they promised by ending well.

    Attributes:
        photond: The command, with its home.
        photos: The folder of photos, as it is in the end.
        operations: What was done to the files, in order.
        stages: The commands in order.
        vocabulary: The file of the words that photos are tagged with.
        edited: The SHA-256 of photos that were edited, with what they have since.
    """

    photond: Command
    photos: Path
    vocabulary: Path
    operations: list[Operation] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    edited: dict[str, str] = field(default_factory=dict)

    def promised(self, done: int) -> tuple[Said, Said]:
        """What the user had said before and after the command that was at work at a moment."""
        now = max(number for number, one in enumerate(self.stages) if one.begun <= done)
        before = self.stages[now - 1].said if now else frozenset()
        return before, self.stages[now].said


def small_copies() -> None:
    """Have this process, for good, keep a copy of few vectors as well, as the recorded ones do."""
    copying.WORTH_A_FILE, copying.TAIL_ROWS = 4, 0


def record(place: Path) -> Recording:
    """Index, tag, edit, index, untag, retag, back up and vacuum, each by a process of its own."""
    photond = make_command(place / "home")
    photos = place / "photos"
    photos.mkdir()
    sources = sorted(SAMPLES.glob("*.jpg"))
    for source in sources[:9]:
        _shrink(source, photos / source.name)
    first, second, third, fourth, last = (photos / sources[one].name for one in (0, 1, 2, 3, 8))
    vocabulary = photond.config_file.with_name("vocabulary.toml")
    vocabulary.parent.mkdir(parents=True)
    vocabulary.write_text(_VOCABULARY)
    recording = Recording(photond, photos, vocabulary)
    run = _Runner(recording, place / "calls")

    run("index", photos)
    # As a daemon's does, this keeps the log from being folded into the index when a command ends. It
    # cannot write, so nothing is done behind the recording's back.
    with closing(connect_read_only(photond.database, patience=10)) as other:
        other.execute("select count(*) from files").fetchone()
        run("tag", first, second, "--add", "Felix", says=[(first, "Felix"), (second, "Felix")])
        run("tag", third, "--add", "Grandma's house", says=[(third, "Grandma's house")])
        before = sha256(first)
        _shrink(sources[0], first, turned=True)
        recording.edited[before] = sha256(first)
        for source in sources[9:12]:
            _shrink(source, photos / source.name)
        last.unlink()
        run("index", photos)
        wrong = photond("tags", fourth, "--json").json[0]["tags"][0]["tag"]
        run("tag", fourth, "--remove", wrong, says=[(fourth, wrong)])
        run("retag")
        run("db", "backup", photond.database.with_name("backup.db"))
        run("db", "vacuum")
    return recording


def sha256(photo: Path) -> str:
    return hashlib.sha256(photo.read_bytes()).hexdigest()


@dataclass(slots=True)
class _Runner:
    recording: Recording
    log: Path

    def __call__(self, *arguments: str | Path, says: Iterable[tuple[Path, str]] = ()) -> None:
        """Run a command to its good end, and keep what it did and promised."""
        recording, folder = self.recording, self.recording.photond.database.parent
        begun = len(recording.operations)
        done = subprocess.run(
            [*traced(self.log), sys.executable, "-c", _SMALL, *map(str, arguments)],
            env=recording.photond.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        recording.operations += operations(self.log, folder)
        command = " ".join(str(one) for one in arguments if "/" not in str(one))
        verdict: Verdict = "removed" if "--remove" in arguments else "added"
        known = recording.stages[-1].said if recording.stages else frozenset()
        said = known | {(sha256(photo), tag, verdict) for photo, tag in says}
        recording.stages.append(Stage(command, begun, said))


def _shrink(source: Path, target: Path, *, turned: bool = False) -> None:
    with Image.open(source) as picture:
        small = picture.convert("RGB").resize((_SIDE, _SIDE))
        if turned:
            small = small.rotate(180)
        small.save(target)
