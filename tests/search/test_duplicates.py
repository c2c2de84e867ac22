"""What becomes a group, which copy is the best, and what there is to gain."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.search.duplicates import (
    SAME,
    File,
    Likeness,
    Photo,
    alike_group,
    both_ways,
    clusters,
    identical_group,
    in_order,
    quality,
)


def file(path: str, *, inode: int = 0, mtime_ns: int = 0, is_link: bool = False) -> File:
    return File(path, mtime_ns, (1, inode or hash(path)), is_link)


def photo(*files: File, size: int = 100, width: int = 40, height: int = 30) -> Photo:
    return Photo("0" * 64, size, "JPEG", width, height, None, None, files or (file("/a"),))


numbers = st.integers(0, 15)
graphs = st.sets(st.tuples(numbers, numbers).filter(lambda pair: pair[0] < pair[1]), max_size=40)


@given(graphs, st.permutations(range(16)))
def test_every_member_is_near_the_best_and_nobody_near_is_left_out(
    pairs: set[tuple[int, int]], order: list[int]
) -> None:
    near = both_ways(pairs)
    order = [one for one in order if one in near]
    found = clusters(near, order)
    gathered = [one for cluster in found for one in cluster]
    assert len(gathered) == len(set(gathered))
    for best, *members in found:
        assert members
        assert all(member in near[best] for member in members)
        assert [best, *members] == sorted([best, *members], key=order.index)
    # Of two that are near, one at least is in a group.
    assert all(one in gathered or other in gathered for one, other in pairs)


def test_a_chain_of_near_twins_does_not_become_one_group() -> None:
    chain = both_ways((number, number + 1) for number in range(9))
    assert clusters(chain, range(10)) == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    # With the best in the middle, it takes its two neighbours.
    assert clusters(chain, [4, *range(4), *range(5, 10)])[0] == [4, 3, 5]


@pytest.mark.parametrize(
    "better",
    [
        {"width": 41},
        {"format": "RAW"},
        {"taken_at": "2024-06-01T12:00:00"},
        {"camera": "X-T4"},
        {"size": 101},
        {"files": (file("/a", mtime_ns=-1),)},
    ],
)
def test_the_best_copy_is_the_one_that_has_more(better: dict[str, object]) -> None:
    plain = photo()
    assert quality(replace(plain, **better)) < quality(plain)


def test_pixels_count_before_all_else_and_bytes_after_what_the_camera_wrote() -> None:
    small_raw = replace(photo(width=39), format="RAW", size=1000, camera="X-T4")
    assert quality(photo()) < quality(small_raw)
    bloated = photo(size=1000)
    assert quality(replace(photo(), taken_at="2024-06-01T12:00:00")) < quality(bloated)


def test_identical_files_keep_the_oldest_and_gain_the_others() -> None:
    one = photo(file("/b", mtime_ns=2), file("/a", mtime_ns=3), file("/c", mtime_ns=1), size=7)
    group = identical_group(one)
    assert group is not None
    assert [(copy.role, copy.file.path) for copy in group.copies] == [
        ("best", "/c"),
        ("copy", "/b"),
        ("copy", "/a"),
    ]
    assert (group.kind, group.gain) == ("identical", 14)
    assert identical_group(photo(file("/a"))) is None


def test_more_names_of_one_file_are_no_gain_and_never_the_ones_to_go() -> None:
    one = photo(
        file("/link", inode=1, mtime_ns=0, is_link=True),
        file("/a", inode=1, mtime_ns=5),
        file("/hard", inode=1, mtime_ns=5),
        file("/b", inode=2, mtime_ns=9),
        file("/b2", inode=2, mtime_ns=9),
        size=10,
    )
    group = identical_group(one)
    assert group is not None
    assert [(copy.role, copy.file.path) for copy in group.copies] == [
        ("best", "/a"),
        ("same file", "/hard"),
        ("same file", "/link"),
        ("copy", "/b"),
        ("same file", "/b2"),
    ]
    assert group.gain == 10
    only_names = identical_group(photo(file("/a", inode=1), file("/b", inode=1)))
    assert only_names is not None
    assert only_names.gain == 0


def test_identical_groups_come_first_and_of_each_kind_the_largest_gain() -> None:
    small = identical_group(photo(file("/a"), file("/b"), size=1))
    large = identical_group(photo(file("/c"), file("/d"), size=5))
    assert small is not None
    assert large is not None
    alike = alike_group([(photo(), SAME), (photo(size=900), Likeness(0.95, 3))])
    assert alike.gain == 900
    assert in_order([alike, small, large]) == [large, small, alike]
