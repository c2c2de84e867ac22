"""What a pass came to, on one screen."""

from typing import TYPE_CHECKING

from photond.cli.output import print_line
from photond.printable import printable

if TYPE_CHECKING:
    from photond.pipeline.summary import Summary


def print_summary(summary: "Summary", *, by: str = "") -> None:
    """Print what a pass came to.

    Args:
        summary: The pass.
        by: Who made it, if not this process.
    """
    counts = {
        "new": summary.new,
        "changed": summary.changed,
        "moved": summary.moved,
        "unchanged": summary.unchanged,
        "embedded anew": summary.reembedded,
        "missing": summary.missing,
        "forgotten": summary.forgotten,
        "offline": summary.offline,
        "failed": summary.failed,
        "waiting": summary.waiting,
    }
    always = ("new", "changed", "unchanged", "failed")
    worked_on = summary.new + summary.changed + summary.moved + summary.reembedded
    line = ", ".join(
        f"{count:,} {name}" for name, count in counts.items() if count or name in always
    )
    rate = f", {worked_on / summary.seconds:.1f} photos/s" if worked_on else ""
    print_line(f"{line} ({summary.seconds:.1f} s{rate}{by and f', {by}'})")
    for reason, count in summary.reasons.items():
        print_line(f"  {count:,} failed: {reason}")
    for folder in summary.unreadable_folders:
        print_line(f"  folder not read: {printable(folder)}")
    if summary.lacking:
        print_line(
            f"  {summary.lacking:,} photos are still to be embedded with the new pack; "
            f"until then {summary.answers!r} answers"
        )
    elif summary.answers:
        print_line(f"  the pack {summary.answers!r} answers from now on")
    if summary.failed:
        print_line("  `photond status` lists the photos that failed.")
