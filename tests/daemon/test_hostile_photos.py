"""The daemon and `photond index` among hostile files: the good ones are found, the others explained."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import SAMPLES, Command
from tests.hostile.corpus import sample
from tests.hostile.sample import PICTURE, REFUSED
from tests.hostile.special import make_special

_GOOD = ("cat", "coffee", "rocket")
_FILES = 250
_LIMITS = {
    "PHOTOND_INDEX_MAX_MEGABYTES": "200",
    "PHOTOND_INDEX_MAX_MEGAPIXELS": "20",
    "PHOTOND_INDEX_MAX_SECONDS": "30",
    "PHOTOND_INDEX_PAIR_RAW": "false",
}


def hostile_folder(folder: Path) -> tuple[set[str], set[str]]:
    """Fill a folder; returns the paths of the photos, and of those that must have a reason."""
    good, bad = set(), {str(file) for file in make_special(folder)}
    for name in _GOOD:
        good.add(str(shutil.copy(SAMPLES / f"{name}.jpg", folder)))
    for number in range(_FILES):
        hostile = sample(11, number)
        path = folder / f"{number:04}-{hostile.name}"
        path.write_bytes(hostile.data)
        if hostile.expected == PICTURE:
            good.add(str(path))
        if hostile.expected == REFUSED:
            bad.add(str(path))
    return good, bad


def explained(photond: Command) -> dict[str, str]:
    failed = photond("status", "--json", code=None).json["failed"]
    assert not [one for one in failed if one["quarantined"]]
    return {one["path"]: one["reason"] for one in failed}


@pytest.mark.slow
def test_the_daemon_lives_among_hostile_files_and_explains_each(daemon, photos, photond) -> None:
    good, bad = hostile_folder(photos)
    regular = {str(path) for path in photos.iterdir() if path.is_file() and not path.is_symlink()}
    running = daemon(photos, **_LIMITS)
    settled = "select count(*) from files where state = 'present'"
    running.wait(
        lambda: (
            running.rows(settled) == [(len(regular),)]
            and running.rows(
                "select count(*) from jobs where state in ('queued', 'running', 'suspect')"
            )
            == [(0,)]
        ),
        300,
        f"{len(regular)} files without a job",
    )
    reasons = explained(photond)
    present = running.present()
    assert good <= present
    assert bad <= reasons.keys()
    # Nothing is lost, and nothing is both.
    assert present | reasons.keys() == regular
    assert not present & reasons.keys()
    for path, reason in reasons.items():
        assert reason
        assert reason.isprintable()
        assert Path(path).name in running.said
    # It still does what it is there for.
    late = shutil.copy(SAMPLES / "astronaut.jpg", photos / "late.jpg")
    running.wait(lambda: str(late) in running.present())
    assert photond("query", "a cat", "--json").json[0]["path"].endswith(".jpg")


@pytest.mark.slow
def test_an_index_pass_comes_to_the_same_and_a_sheet_shows_the_good_ones(photond, photos) -> None:
    good, bad = hostile_folder(photos)
    summary = photond("index", photos, "--json", code=1, **_LIMITS).json
    reasons = explained(photond)
    assert bad <= reasons.keys()
    assert not good & reasons.keys()
    assert summary["new"] >= len(good) - 1  # of identical files, one may be counted for both
    sheet = photos.parent / "sheet.html"
    photond("query", "a cat", "--limit", "300", "--sheet", sheet, **_LIMITS)
    page = sheet.read_text("utf-8")
    assert "cat.jpg" in page
    assert page.count("data:image/") > len(good) // 2  # identical files are shown once
    printed = photond("status", code=None).stdout
    assert "failed" in printed
    assert "\x1b" not in printed
