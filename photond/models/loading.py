"""The towers of a pack, each loaded when it is first needed and let go when it is not."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from photond.models.memory import release_memory
from photond.models.pack import Pack
from photond.models.prepared import PreparedTowers
from photond.models.towers import ImageTower, TextTower

Tower = TypeVar("Tower")


class Towers:
    """Both towers of a pack. Safe to use from several threads at once.

    The two are independent: searching needs the text tower alone and indexing, most of the time, the
    image tower alone, and each of them may take some hundred megabytes.

    Args:
        pack: The pack.
        image_threads: How many threads one picture is embedded with.
        text_threads: How many threads a batch of texts is embedded with.
        prepared: Where the towers are kept as they were made ready for this machine, if anywhere.
        clock: Seconds that only ever go forward.
    """

    def __init__(
        self,
        pack: Pack,
        image_threads: int = 1,
        text_threads: int = 1,
        *,
        prepared: PreparedTowers | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._image: _Slot[ImageTower] = _Slot(
            lambda: ImageTower(pack, image_threads, prepared=prepared), clock
        )
        self._text: _Slot[TextTower] = _Slot(
            lambda: TextTower(pack, text_threads, prepared=prepared), clock
        )

    def image(self) -> ImageTower:
        """The image tower, which counts as used now.

        Raises:
            ModelError: It is missing, damaged, or not what `model.toml` says.
        """
        return self._image.get()

    def text(self) -> TextTower:
        """The text tower, which counts as used now.

        Raises:
            ModelError: It or the tokenizer is missing, damaged, or not what `model.toml` says.
        """
        return self._text.get()

    @property
    def is_loaded(self) -> bool:
        """Whether either of them is in memory."""
        return self._image.is_full or self._text.is_full

    def unload_idle(self, seconds: float) -> bool:
        """Let go of what was not used for a while, and give its memory back to the system.

        A tower that is computing stays until it has finished.

        Args:
            seconds: For how long; 0 lets go of both.

        Returns:
            Whether anything was let go.
        """
        dropped = [slot.drop_idle(seconds) for slot in (self._image, self._text)]
        if any(dropped):
            release_memory()
        return any(dropped)


class _Slot(Generic[Tower]):
    """A place for one tower."""

    def __init__(self, load: Callable[[], Tower], clock: Callable[[], float]) -> None:
        self._load = load
        self._clock = clock
        self._lock = threading.Lock()
        self._tower: Tower | None = None
        self._used_at = 0.0

    def get(self) -> Tower:
        with self._lock:
            if self._tower is None:
                self._tower = self._load()
            self._used_at = self._clock()
            return self._tower

    @property
    def is_full(self) -> bool:
        return self._tower is not None

    def drop_idle(self, seconds: float) -> bool:
        with self._lock:
            if self._tower is None or self._clock() - self._used_at < seconds:
                return False
            self._tower = None
            return True
