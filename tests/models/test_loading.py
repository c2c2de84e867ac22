"""Loading towers when they are needed, and giving their memory back."""

import subprocess
import sys

from photond.models.loading import Towers
from photond.models.pack import Pack


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_towers_are_loaded_one_by_one_and_let_go_when_idle(mini: Pack) -> None:
    clock = Clock()
    towers = Towers(mini, clock=clock)
    assert not towers.unload_idle(0)
    image = towers.image()
    assert towers.image() is image
    clock.now = 200
    text = towers.text()
    clock.now = 300
    assert not towers.unload_idle(301)
    assert towers.unload_idle(300)
    assert towers.text() is text
    assert towers.image() is not image


MEMORY = """
import os
from photond.models.loading import Towers
from photond.models.pack import load_pack
from photond.models.shelf import BUILT_IN

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6

towers = Towers(load_pack(BUILT_IN / "mini"))
towers.text().embed(["a cat"])
towers.unload_idle(0)
empty = resident()
for _ in range(5):
    towers.text().embed(["a cat"] * 32)
    loaded = resident()
    towers.unload_idle(0)
print(loaded - empty, resident() - empty)
"""


def test_the_memory_of_a_tower_goes_back_to_the_system() -> None:
    """In a process of its own: resident memory falls back to where it was, and does not creep up."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True
    )
    loaded, left = map(float, done.stdout.split())
    assert loaded > 40
    assert left < loaded / 4
