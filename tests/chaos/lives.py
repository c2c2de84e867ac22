"""The lives of the daemon between kills, and what it may have computed in each."""

import json
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from photond.daemon.client import DaemonError, ask
from photond.models.towers import available_cores
from photond.pipeline import backlog
from photond.store import check
from photond.store.database import connect
from tests.conftest import Command
from tests.daemon.conftest import SETTLE_SECONDS

_BOUND = backlog._COMMIT_PHOTOS + available_cores() * (1 + backlog._AHEAD)
"""How many photos may be embedded and not committed at any moment."""

_BEGUN = "folders are kept"
_EMBEDDED, _FORGOTTEN = "embedded", "no file has this content any more"


@dataclass(frozen=True)
class Look:
    """What an index has at a moment when nobody writes to it.

    Attributes:
        embedded: The hashes of the contents that it has an embedding of.
        findings: What `photond db check` says of it.
    """

    embedded: frozenset[str]
    findings: list[str]


@dataclass
class Lives:
    """Starts the daemon, tells it things, kills it, and holds it to what it may compute.

    Attributes:
        photond: The command.
        roots: The folders that the daemon keeps.
        scratch: An empty folder on a disk with room.
        problems: What was not as it should be.
        done: What was done to it, and how often.
    """

    photond: Command
    roots: list[Path]
    scratch: Path
    problems: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.scratch.mkdir()
        self.environ = self.photond.environ | {
            "PHOTOND_FOLDERS": ":".join(map(str, self.roots)),
            "PHOTOND_WATCH_SETTLE_SECONDS": str(SETTLE_SECONDS),
            "PHOTOND_LOG_LEVEL": "debug",
            "PHOTOND_LOG_FORMAT": "json",
        }
        self._socket = Path(self.environ["XDG_RUNTIME_DIR"], "photond", "photond.sock")
        self._known: frozenset[str] = frozenset()
        self._forgotten: set[str] = set()
        self._count = 0
        self._begun_at: float | None = None

    @property
    def log(self) -> Path:
        """What this life has said."""
        return self.scratch / f"life-{self._count}.log"

    @property
    def begun_for(self) -> float:
        """For how many seconds this life has looked at its folders; -1 while it is starting."""
        if self._begun_at is None:
            if _BEGUN not in self.log.read_text("utf-8", "replace"):
                return -1.0
            self._begun_at = time.monotonic()
        return time.monotonic() - self._begun_at

    def start(self) -> None:
        """Begin a life; does not wait until it has begun in earnest."""
        self._count += 1
        self._begun_at = None
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.photond.argv("run"), env=self.environ, stderr=log, stdout=log
            )

    def kill(self) -> None:
        """End it as a power cut would, and look at what it leaves behind."""
        if self.has_died():
            return
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.done["kills"] += 1
        if self.begun_for < 0:
            self.done["kills while it was starting"] += 1
        self.autopsy()

    def has_died(self) -> bool:
        """Whether it has ended by itself, which it may not, whatever happens to its disk."""
        code = self.process.poll()
        if code is None:
            return False
        self.problems.append(f"it ended by itself with {code}: {self.log.read_text()[-2000:]}")
        self.autopsy()
        return True

    def close(self) -> None:
        """Leave no process behind."""
        if self._count:
            self.process.kill()
            self.process.wait()

    def end(self) -> None:
        """End it as systemd would."""
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(60) != 0:
            self.problems.append(f"it did not end well: {self.log.read_text()[-2000:]}")
        self.autopsy()

    def status(self) -> dict | None:
        """What it says of itself; None if it is not there to be asked."""
        return self.tell("status")

    def tell(self, command: str) -> dict | None:
        """Tell it something; None if it is not there to be told."""
        try:
            answer = ask(command, path=self._socket)
        except DaemonError:
            return None  # it was killed, or has not begun
        return None if answer is None else answer.result

    def meddle(self, chance: random.Random) -> None:
        """What users do to a daemon."""
        deed = chance.choice(["pause", "pause", "resume", "rescan", "retry", "reload", "back up"])
        if deed == "back up":
            self._back_up()
        elif deed == "reload" and self.begun_for >= 0:
            self.process.send_signal(signal.SIGHUP)
        elif deed == "reload":
            return  # systemd does not, either, before it is ready
        elif self.tell(deed) is None:
            deed = "talk to nobody"
        self.done[deed] += 1

    def autopsy(self) -> None:
        """Hold what this life has computed, and what it leaves behind, against what it may."""
        look = self.look()
        said = self.log.read_text("utf-8", "replace")
        self.problems += [f"it said {line} in {self.log}" for line in _unexpected(said)]
        computed = self._hold_to_bound(said)
        self.done["embeddings computed"] += computed.total()
        if look is None:
            self._known = frozenset()
            return
        lost = computed.keys() - look.embedded - self._forgotten
        self.done["embeddings lost to kills"] += len(lost)
        if len(lost) > _BOUND:
            self.problems.append(f"{len(lost)} embeddings were lost at once in {self.log}")
        self.problems += [f"{finding} after {self.log}" for finding in look.findings]
        self._known = look.embedded

    def _hold_to_bound(self, said: str) -> Counter[str]:
        """What a life has computed, which is nothing that was known unless no file had it any more.

        Photos that are in hand while the configuration is read again may be computed twice.
        """
        known, computed, again = set(self._known), Counter[str](), []
        for event, sha256 in _events(said):
            if event == _FORGOTTEN:
                known.discard(sha256)
                self._forgotten.add(sha256)
                continue
            if sha256 in known:
                again.append(sha256)
            if sha256 in self._forgotten:
                self.done["of these, again after no file had had it"] += 1
                self._forgotten.discard(sha256)
            known.add(sha256)
            computed[sha256] += 1
        reloads = said.count(_BEGUN) - 1
        if len(again) > max(0, reloads) * _BOUND:
            self.problems.append(f"embedded twice: {again} in {self.log}")
        return computed

    def look(self) -> Look | None:
        """What a copy of the index has, for the disk may be full; None while there is no index."""
        copy = self.copied_index()
        if not copy.exists() or not copy.stat().st_size:
            return None
        with closing(connect(copy)) as connection:
            tables = {
                name for (name,) in connection.execute("select name from sqlite_master").fetchall()
            }
            if "embeddings_1" not in tables:
                return None
            embedded = connection.execute(
                "select sha256 from contents where id in (select rowid from embeddings_1_rowids)"
            ).fetchall()
            found = [finding.detail for finding in check.findings(connection)]
        return Look(frozenset(sha256 for (sha256,) in embedded), found)

    def embedded_since(self, place: int) -> set[str]:
        """The contents that this life has embedded since its log had so many bytes."""
        said = self.log.read_bytes()[place:].decode("utf-8", "replace")
        return {sha256 for event, sha256 in _events(said) if event == _EMBEDDED}

    def count_quarantined(self) -> int:
        """How many photos were in hand at so many kills that they are left alone."""
        with closing(connect(self.copied_index())) as connection:
            (count,) = connection.execute(
                "select count(*) from jobs where state = 'quarantined'"
            ).fetchone()
        return int(count)

    def copied_index(self) -> Path:
        """The path of a copy of the index as it is, with what is not written into its file yet."""
        copy = self.scratch / "copy.db"
        for old in self.scratch.glob("copy.db*"):
            old.unlink()
        for suffix in ("", "-wal"):
            original = self.photond.database.with_name(self.photond.database.name + suffix)
            if original.exists():
                shutil.copy(original, copy.with_name(copy.name + suffix))
        return copy

    def _back_up(self) -> None:
        target = self.scratch / "backup.db"
        run = self.photond("db", "backup", "--force", target, code=None)
        if run.code and not any(word in run.stderr for word in ("full", "no index", "fails")):
            self.problems.append(f"no backup: {run.stderr}")


def _unexpected(said: str) -> list[str]:
    """What a life should not have said: any exception that it did not explain."""
    found = []
    for line in said.splitlines():
        if "Traceback" in line or "unexpected" in line:
            is_explained = line.startswith("{") and '"command failed"' in line
            if not is_explained:
                found.append(line)
    return found


def _events(said: str) -> list[tuple[str, str]]:
    """What a life said of embeddings, in order; the last line may be cut off."""
    found = []
    for line in said.splitlines():
        if '"sha256"' in line and line.endswith("}"):
            event = json.loads(line)
            found.append((event["event"], event["sha256"]))
    return found
