"""Progress bars on standard error, on a terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from photond.cli.output import console

if TYPE_CHECKING:
    from photond.pipeline.summary import Progress


@contextmanager
def progress_bar(*, hidden: bool) -> Iterator[Callable[["Progress"], None]]:
    """Show how far a pass is, with its rate and the time left.

    Args:
        hidden: Show nothing, whatever the terminal.

    Yields:
        What to call with the progress.
    """
    terminal = console(stderr=True)
    if hidden or not terminal.is_terminal:
        yield lambda _progress: None
        return
    from rich import progress as rich

    with rich.Progress(
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeRemainingColumn(compact=True),
        console=terminal,
        transient=True,
    ) as bar:
        task = bar.add_task("scanning", total=None, rate="")

        def update(progress: "Progress") -> None:
            if progress.labels:
                bar.update(
                    task,
                    description="labels",
                    completed=progress.labels_done,
                    total=progress.labels,
                    rate="",
                )
                return
            if progress.total == 0:
                bar.update(task, completed=progress.scanned)
                return
            failed = f", {progress.failed} failed" if progress.failed else ""
            speed = bar.tasks[0].speed
            bar.update(
                task,
                description="indexing",
                completed=progress.done,
                total=progress.total,
                rate=(f"{speed:.1f} photos/s" if speed else "") + failed,
            )

        yield update


@contextmanager
def count_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many of something are done, with the time left, from when the first is.

    Yields:
        What to call with how many are done, and of how many.
    """
    terminal = console(stderr=True)
    if not terminal.is_terminal:
        yield lambda _done, _total: None
        return
    from rich import progress as rich

    with rich.Progress(
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TimeRemainingColumn(compact=True),
        console=terminal,
        transient=True,
    ) as bar:
        task = bar.add_task(description, total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


@contextmanager
def transfer_bar(total: int, there: int) -> Iterator[Callable[[int], None]]:
    """Show how far a download is, with its speed and the time left.

    Args:
        total: Bytes in all.
        there: How many of them are there already.

    Yields:
        What to call with each number of bytes more, or fewer.
    """
    terminal = console(stderr=True)
    if not terminal.is_terminal:
        yield lambda _bytes: None
        return
    from rich import progress as rich

    with rich.Progress(
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.DownloadColumn(),
        rich.TransferSpeedColumn(),
        rich.TimeRemainingColumn(compact=True),
        console=terminal,
        transient=True,
    ) as bar:
        task = bar.add_task("downloading", total=total, completed=there)
        yield lambda more: bar.advance(task, more)
