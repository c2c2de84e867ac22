"""What photond is shipped with: every dependency locked, and under a licence that was looked at."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools.supply import COMPATIBLE, is_fine

PROJECT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]


def locked() -> dict[str, list[Version]]:
    """The versions of each package; several where they depend on Python's."""
    versions: dict[str, list[Version]] = {}
    lock = (PROJECT / "requirements.lock").read_text().replace("\\\n", " ")
    for line in filter(None, lock.splitlines()):
        requirement, *hashes = line.split("--hash=")
        assert hashes
        assert all(one.startswith("sha256:") for one in hashes)
        one = Requirement(requirement)
        (pin,) = one.specifier
        assert pin.operator == "=="
        versions.setdefault(canonicalize_name(one.name), []).append(Version(pin.version))
    return versions


@pytest.mark.parametrize(
    "requirement",
    [*PYPROJECT["dependencies"], *PYPROJECT["optional-dependencies"]["quantize"]],
)
def test_a_dependency_is_locked_to_versions_that_it_may_have(requirement: str) -> None:
    one = Requirement(requirement)
    versions = locked()[canonicalize_name(one.name)]
    assert all(one.specifier.contains(version) for version in versions)


def test_the_lock_says_nothing_of_where_packages_come_from() -> None:
    assert "://" not in (PROJECT / "requirements.lock").read_text()


def test_the_licence_of_every_locked_package_is_listed() -> None:
    rows = (PROJECT / "docs" / "licences.md").read_text().splitlines()
    listed = {canonicalize_name(row.split("|")[1].strip()) for row in rows if row.startswith("| ")}
    # What an environment always has is not told of.
    assert set(locked()) - {"pip"} <= listed


@pytest.mark.parametrize(
    "licence",
    ["MIT", "MIT OR GPL-3.0-only", "BSD-3-Clause AND Zlib", "GPL-2.0-only OR MIT AND ISC"],
)
def test_a_licence_with_a_compatible_choice_is_fine(licence: str) -> None:
    assert is_fine(licence)


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "MIT AND GPL-3.0-only", "UNKNOWN", ""])
def test_a_licence_without_a_compatible_choice_is_not(licence: str) -> None:
    assert not is_fine(licence)


def test_no_copyleft_is_taken_for_compatible() -> None:
    assert not any("GPL" in licence for licence in COMPATIBLE)
