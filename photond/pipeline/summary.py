"""What a pass over photo folders has done so far, and what it came to."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pass is.

    Attributes:
        done: Photos worked on, failed ones included.
        total: Photos to work on, at least `done`; 0 while the folders are still being scanned.
        scanned: Photos seen by the scan.
        failed: Photos that could not be read.
        labels: Prompts of labels to embed, when the photos are done; 0 before.
        labels_done: Those of them that are embedded.
    """

    done: int = 0
    total: int = 0
    scanned: int = 0
    failed: int = 0
    labels: int = 0
    labels_done: int = 0


@dataclass(slots=True)
class Summary:
    """What a pass came to, in photos.

    Attributes:
        new: Indexed for the first time; a copy of a known photo is new at its place.
        changed: Indexed again, because their bytes changed.
        moved: Found at another place than before.
        unchanged: As they were.
        reembedded: As they were, and embedded with another pack than before.
        missing: Gone from their folder; forgotten after `index.forget_after_days`.
        forgotten: Gone for so long that nothing is kept of them any more.
        offline: On a disk or in a folder that is not there; nothing of them is forgotten.
        failed: Could not be read, in this pass or in an earlier one.
        waiting: Left to do, after an interruption.
        reasons: Why photos failed, with how many failed so.
        absent_folders: Folders or photos that do not exist and that the index has nothing of.
        unreadable_folders: Folders that could not be listed.
        answers: Name of the pack that searches use, where the pass was to replace it; else None.
        lacking: Photos that are still to be embedded before another pack can answer.
        seconds: How long the pass took.
        interrupted: Whether it was stopped before its end.
    """

    new: int = 0
    changed: int = 0
    moved: int = 0
    unchanged: int = 0
    reembedded: int = 0
    missing: int = 0
    forgotten: int = 0
    offline: int = 0
    failed: int = 0
    waiting: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    absent_folders: list[str] = field(default_factory=list)
    unreadable_folders: list[str] = field(default_factory=list)
    answers: str | None = None
    lacking: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether everything that was asked for is in the index now."""
        lacking = self.absent_folders or self.unreadable_folders
        return not (self.failed or lacking or self.interrupted)
