"""Settling: a photo is looked at when nothing has happened to it for a while.

Pure but for its own memory: the time comes in with each call, and is one that only ever goes forward,
so that neither clocks that are set nor times written into files can deceive it.
"""

import heapq
from collections.abc import Hashable
from dataclasses import dataclass, field

# More photos than this are not followed one by one; their folders are looked at instead.
MAX_FOLLOWED = 20_000


@dataclass(slots=True)
class _Followed:
    """A photo that something happens to.

    Attributes:
        quiet_since: When something happened to it last, as far as is known.
        looks: How often it was looked at since.
        signature: What it was like then.
    """

    quiet_since: float
    looks: int = 0
    signature: Hashable = None


@dataclass(slots=True)
class Settling:
    """The photos that something has happened to, until they have stood still.

    An event alone does not tell: a file on a network disk grows without any, and a program may write
    to one slowly. So each is looked at twice, after half of the time and after all of it, and has
    settled when no event came and size and time were the same both times.

    Attributes:
        seconds: How long a photo must stand still.
        limit: How many are followed one by one.
    """

    seconds: float
    limit: int = MAX_FOLLOWED
    _followed: dict[tuple[str, str], _Followed] = field(default_factory=dict)
    _crowded: dict[str, float] = field(default_factory=dict)
    _looks: list[tuple[float, tuple[str, str]]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._followed)

    def note(self, folder: str, name: str, now: float) -> None:
        """Something happened to a file."""
        followed = self._followed.get((folder, name))
        if followed is not None:
            followed.quiet_since, followed.looks = now, 0
        elif len(self._followed) < self.limit:
            self._followed[folder, name] = _Followed(now)
            heapq.heappush(self._looks, (now + self.seconds / 2, (folder, name)))
        else:
            self._crowded.setdefault(folder, now + self.seconds)

    def due(self, now: float) -> list[tuple[str, str]]:
        """The folder and name of each photo that is to be looked at; `looked` is called for each."""
        due: list[tuple[str, str]] = []
        while self._looks and self._looks[0][0] <= now:
            _, key = heapq.heappop(self._looks)
            one = self._followed[key]
            at = one.quiet_since + self.seconds * (1 if one.looks else 0.5)
            if at <= now:
                due.append(key)
            else:
                heapq.heappush(self._looks, (at, key))
        return due

    def looked(self, folder: str, name: str, signature: Hashable, now: float) -> bool:
        """Say what a photo is like now.

        Args:
            folder: Its folder.
            name: Its name.
            signature: Its size and time; None if it is not there.
            now: The time.

        Returns:
            Whether it has settled, and is no longer followed.
        """
        key = folder, name
        one = self._followed[key]
        if one.looks and one.signature == signature:
            del self._followed[key]
            return True
        if one.looks:
            one.quiet_since = now
        one.signature, one.looks = signature, one.looks + 1
        heapq.heappush(self._looks, (max(one.quiet_since + self.seconds, now), key))
        return False

    def crowded_due(self, now: float) -> list[str]:
        """Folders to be looked at as a whole, because too many photos are being followed."""
        due = [folder for folder, at in self._crowded.items() if at <= now]
        for folder in due:
            del self._crowded[folder]
        return due

    @property
    def next_at(self) -> float | None:
        """When something is due."""
        times = [self._looks[0][0]] if self._looks else []
        times += self._crowded.values()
        return min(times, default=None)
