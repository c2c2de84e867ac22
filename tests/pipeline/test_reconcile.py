from hypothesis import given
from hypothesis import strategies as st

from photond.pipeline.reconcile import (
    absence_below,
    absent_folders,
    compare,
    is_below_any,
    is_same,
)
from photond.store.files import FileStat, KnownFile, KnownFolder

stats = st.builds(
    FileStat,
    name=st.sampled_from("abcdef"),
    size=st.integers(0, 2),
    mtime_ns=st.integers(0, 2),
    inode=st.integers(0, 2),
)
listings = st.lists(stats, max_size=6, unique_by=lambda stat: stat.name)
outlooks = st.sampled_from(["indexed", "failed", "waiting", "due"])
states = st.sampled_from(["present", "missing", "offline"])


@st.composite
def known_files(draw: st.DrawFn) -> dict[str, KnownFile]:
    return {
        stat.name: KnownFile(number, stat, draw(states), draw(outlooks))
        for number, stat in enumerate(draw(listings))
    }


@given(listings, known_files(), st.sampled_from(["missing", "offline"]))
def test_every_file_on_disk_and_in_the_index_is_accounted_for_once(found, known, absence) -> None:
    changes = compare(found, known, absence)
    on_disk = {stat.name for stat in found}
    ids = {name: file.id for name, file in known.items()}

    assert {stat.name for stat in changes.new} == on_disk - set(known)
    noted = [stat.name for _, stat in (*changes.changed, *changes.returned)]
    assert len(noted) == len(set(noted))
    left_alone = {
        stat.name
        for stat in found
        if (file := known.get(stat.name))
        and file.outlook in {"waiting", "failed"}
        and stat.name not in noted
    }
    assert len(changes.new) + len(noted) + changes.unchanged + len(left_alone) == len(found)
    assert not {id_ for id_, _ in (*changes.changed, *changes.returned)} & set(changes.gone)
    for name in set(known) - on_disk:
        was = known[name].state
        expected = was == "present" or (was == "offline" and absence == "missing")
        assert (ids[name] in changes.gone) == expected


@given(known_files())
def test_what_has_not_changed_is_left_alone(known) -> None:
    found = [file.stat for file in known.values()]
    changes = compare(found, known, "missing")
    assert not changes.new
    assert not changes.gone
    due = {name for name, file in known.items() if file.outlook == "due"}
    assert {stat.name for _, stat in changes.changed} == due
    there = {name for name, file in known.items() if file.state == "present"}
    assert {stat.name for _, stat in changes.returned} == set(known) - due - there
    assert changes.unchanged == sum(known[name].outlook == "indexed" for name in there)


@given(stats, stats)
def test_a_file_is_the_same_when_size_time_and_number_are(one, other) -> None:
    numbers_agree = one.inode == other.inode or 0 in {one.inode, other.inode}
    assert is_same(one, other) == (
        one.size == other.size and one.mtime_ns == other.mtime_ns and numbers_agree
    )


def test_photos_not_found_are_missing_while_the_same_disk_is_mounted() -> None:
    assert absence_below(None, None) == "missing"
    assert absence_below("disk-a", "disk-a") == "missing"
    assert absence_below(None, "disk-a") == "missing"


def test_photos_not_found_are_offline_without_their_disk_or_with_another_one() -> None:
    assert absence_below("disk-a", None) == "offline"
    assert absence_below("disk-a", "disk-b") == "offline"


def test_a_folder_that_vanished_is_missing_and_one_whose_mount_point_vanished_is_offline() -> None:
    unvisited = [
        KnownFolder(2, "/p/old", None),
        KnownFolder(3, "/p/usb", "disk-a"),
        KnownFolder(4, "/p/usb/dcim", None),
        KnownFolder(5, "/p/locked/in", None),
    ]
    absent = absent_folders(unvisited, unreadable=["/p/locked"], offline=[])
    assert {folder.id: absence for folder, absence in absent} == {
        2: "missing",
        3: "offline",
        4: "offline",
    }


def test_what_lies_below_an_unmounted_folder_is_offline() -> None:
    unvisited = [KnownFolder(2, "/p/usb/dcim", None)]
    absent = absent_folders(unvisited, unreadable=[], offline=["/p/usb"])
    assert [(folder.id, absence) for folder, absence in absent] == [(2, "offline")]


def test_a_name_that_begins_alike_is_not_below() -> None:
    assert is_below_any("/a/b", ["/a"])
    assert is_below_any("/a", ["/a"])
    assert is_below_any("/a", ["/"])
    assert not is_below_any("/ab", ["/a"])


PHOTO_OF = {"a": "x", "b": "x", "c": "y"}


@st.composite
def folders_with_pairs(draw: st.DrawFn) -> tuple[list[FileStat], dict[str, KnownFile], set[str]]:
    """What is on disk, what is known of it, and what is unsure; a, b and c are RAW files."""
    found = draw(
        st.lists(
            st.builds(
                FileStat, st.sampled_from("abcxy"), st.integers(0, 1), st.just(0), st.just(0)
            ),
            unique_by=lambda stat: stat.name,
        )
    )
    known = {}
    for number, name in enumerate(draw(st.sets(st.sampled_from("abcxy")))):
        has_failed = draw(st.booleans())
        known[name] = KnownFile(
            number,
            FileStat(name, 0, 0, 0),
            draw(states),
            "failed"
            if has_failed
            else draw(st.sampled_from(["indexed", "waiting", "covered", "due"])),
            draw(st.sampled_from([None, *range(5)])) if name in PHOTO_OF else None,
            has_failed,
        )
    return found, known, draw(st.sets(st.sampled_from("abcxy")))


@given(folders_with_pairs(), st.sets(st.integers(0, 4)))
def test_a_raw_is_read_only_where_its_photo_is_away_or_cannot_be_read(folder, in_hand) -> None:
    found, known, unsure = folder
    stats = {stat.name: stat for stat in found}
    pairs = {raw: photo for raw, photo in PHOTO_OF.items() if {raw, photo} <= set(stats)}
    changes = compare(found, known, "missing", unsure, in_hand, pairs)
    names = {file.id: name for name, file in known.items()}
    to_read = {stat.name for stat in (*changes.new, *(stat for _, stat in changes.changed))}
    covered = {one.stat.name for one in changes.covered}
    held = set(changes.held)
    assert not to_read & covered
    assert not (to_read | covered) & held
    for raw, photo in pairs.items():
        has_failed = photo in known and known[photo].has_failed
        if raw in to_read:
            assert has_failed
        if raw in covered:
            # A photo that is not known yet must be noted with it.
            assert photo in known or photo in to_read
            assert not has_failed or stats[photo].size == 1
    for raw, photo in changes.standing_in:
        assert known[photo].has_failed
        assert raw in known or raw in to_read
    for file_id in changes.parted:
        assert names[file_id] in set(stats) - set(pairs)
    assert covered | {raw for raw, _ in changes.standing_in} <= set(pairs)


@given(folders_with_pairs())
def test_a_companion_that_is_noted_is_left_alone(folder) -> None:
    found, known, _ = folder
    settled = {
        stat.name: KnownFile(number, stat, "present", "indexed")
        for number, stat in enumerate(found)
    }
    for raw, photo in PHOTO_OF.items():
        if raw in settled and photo in settled:
            one = settled[raw]
            settled[raw] = KnownFile(one.id, one.stat, "present", "covered", settled[photo].id)
    pairs = {raw: PHOTO_OF[raw] for raw, file in settled.items() if file.companion_of is not None}
    changes = compare(found, settled, "missing", set(known), (), pairs)
    assert changes.is_empty
    assert changes.held == ()
    assert changes.unchanged == len(settled) - len(pairs)
