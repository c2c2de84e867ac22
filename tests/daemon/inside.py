"""Stands in for the daemon under the real unit: tries what it may and may not do, and reports it."""

import json
import mmap
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from photond.config.settings import Settings
from photond.daemon.notify import Notifier
from photond.imaging.decode import decode
from photond.imaging.tensor import to_tensor
from photond.models.prepared import all_prepared
from photond.models.shelf import find_pack
from photond.models.towers import ImageTower, TextTower
from photond.pipeline.inputs import input_spec, picture_limits
from photond.store.database import open_index

HOME = Path.home()
RUNTIME = Path(os.environ["XDG_RUNTIME_DIR"])
DATA = HOME / ".local" / "share" / "photond"


def embed() -> bool:
    pack = find_pack("mini", Path("/nowhere"))
    photo = Path("/srv/code/samples/cat.jpg")
    spec = input_spec(pack.image)
    limits = picture_limits(Settings())
    picture = decode(photo.read_bytes(), name=photo.name, min_side=spec.size, limits=limits)
    image = ImageTower(pack).embed(to_tensor(picture.image, spec)[np.newaxis])[0]
    return bool(
        image @ TextTower(pack).embed_query("cat") > image @ TextTower(pack).embed_query("car")
    )


def keep_tower() -> bool:
    pack, kept = find_pack("mini", Path("/nowhere")), all_prepared()
    TextTower(pack, prepared=kept)
    return kept.bytes_of(pack) > 0


def index() -> bool:
    open_index(DATA / "index.db", create=True).execute("select * from files").fetchall()
    return True


def listen() -> bool:
    socket.socket(socket.AF_UNIX).bind(str(RUNTIME / "photond" / "photond.sock"))
    return True


TRIALS: dict[str, Callable[[], object]] = {
    "embed": embed,
    "keep_tower": keep_tower,
    "index": index,
    "listen": listen,
    "cpuinfo": lambda: bool(Path("/proc/cpuinfo").read_text()),
    "cpus": lambda: bool(list(Path("/sys/devices/system/cpu").iterdir())),
    "power": lambda: Path("/sys/class/power_supply").is_dir(),
    "internet": lambda: bool(socket.socket(socket.AF_INET)),
    "netlink": lambda: bool(socket.socket(socket.AF_NETLINK)),
    "executable_memory": lambda: bool(mmap.mmap(-1, 4096, prot=7)),
    "write_home": lambda: bool((HOME / "x").write_text("x")),
    "write_runtime": lambda: bool((RUNTIME / "x").write_text("x")),
    "write_temporary": lambda: bool(Path("/tmp/photond-trial").write_text("x")),
    "read_keys": lambda: bool((HOME / ".ssh" / "id").read_text()),
    "command_systemd": lambda: (
        socket.socket(socket.AF_UNIX).connect(str(RUNTIME / "systemd" / "private")) is None
    ),
    "is_nice": lambda: os.nice(0) == 19,
}


def main() -> None:
    """Report, then behave as a service does."""
    seen: dict[str, object] = {}
    for name, trial in TRIALS.items():
        try:
            seen[name] = trial()
        except Exception as error:  # noqa: BLE001 - whatever it is, it was not possible
            seen[name] = f"{type(error).__name__}: {error}"
    (DATA / "seen.json").write_text(json.dumps(seen) + "\n")
    notifier = Notifier()

    def reload(number: int, frame: object) -> None:
        del number, frame
        notifier.reloading()
        there = (HOME / "disk" / "photo").exists()
        (DATA / "disk.new").write_text(f"the disk is {'there' if there else 'away'}\n")
        (DATA / "disk.new").rename(DATA / "disk")
        notifier.ready()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, reload)
    notifier.status("trying things")
    notifier.ready()
    while True:
        time.sleep(notifier.watchdog_seconds or 60)
        notifier.watchdog()


main()
