"""A pass that somebody asked the daemon for, and what it comes to."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from photond.daemon.status import PassStatus
from photond.pipeline.reconcile import is_below_any
from photond.pipeline.scan import ScanCounts


@dataclass(slots=True)
class Pass:
    """A pass, or several that were asked for while one was under way.

    Attributes:
        number: That of the last request.
        asked: The paths that are still to be scanned for it.
        results: What had come of photos before it began, with how many ended so.
        unchanged: Photos that its scans found as the index has them.
        unreadable: Folders that they could not list.
    """

    number: int
    asked: set[str]
    results: Counter[str]
    unchanged: int = 0
    unreadable: list[str] = field(default_factory=list)

    def covered_by(self, path: str) -> list[str]:
        """The paths that a scan of everything at and below a path deals with."""
        return [one for one in self.asked if is_below_any(one, [path])]

    def scanned(self, covered: Iterable[str], counts: ScanCounts) -> None:
        """A scan that was begun for these paths is finished."""
        self.asked.difference_update(covered)
        self.unchanged += counts.unchanged
        self.unreadable += [folder.path for folder in counts.unreadable]

    def status(self, results: Counter[str]) -> PassStatus:
        """What it came to so far.

        Args:
            results: What has come of photos by now.
        """
        since = {name: count - self.results[name] for name, count in results.items()}
        return PassStatus(
            number=self.number,
            scanned=not self.asked,
            new=since.get("new", 0),
            changed=since.get("changed", 0),
            moved=since.get("moved", 0),
            unchanged=self.unchanged + since.get("unchanged", 0),
            reembedded=since.get("reembedded", 0),
            forgotten=since.get("forgotten", 0),
            unreadable_folders=tuple(self.unreadable),
        )
