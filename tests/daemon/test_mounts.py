from photond.daemon.mounts import concerned, parse, read, silent_kind

BEFORE = r"""
25 1 259:2 / / rw,relatime shared:1 - btrfs /dev/nvme0n1p2 rw
30 25 0:25 / /proc rw shared:5 - proc proc rw
41 25 8:1 / /run/media/u/MY\040CARD rw - exfat /dev/sda1 rw
52 25 0:60 / /home/u/nas rw - nfs4 nas:/photos rw
""".strip()
AFTER = "\n".join(line for line in BEFORE.splitlines() if "CARD" not in line)


def test_mount_points_are_read_with_their_spaces() -> None:
    assert parse(BEFORE)["/run/media/u/MY CARD"].kind == "exfat"


def test_only_the_roots_in_or_above_which_a_mount_changed_are_concerned() -> None:
    roots = ["/home/u/Pictures", "/run/media/u", "/run/media/u/MY CARD/DCIM"]
    assert concerned(roots, parse(BEFORE), parse(AFTER)) == roots[1:]


def test_a_change_that_has_left_no_trace_may_have_been_of_any_disk() -> None:
    roots = ["/", "/home/u/Pictures", "/run/media/u/MY CARD/DCIM"]
    assert concerned(roots, parse(BEFORE), parse(BEFORE)) == [roots[0], roots[2]]


def test_another_disk_in_the_same_place_is_a_change() -> None:
    other = parse(BEFORE.replace("41 25 8:1", "77 25 8:1"))
    assert concerned(["/run/media/u/MY CARD"], parse(BEFORE), other) == ["/run/media/u/MY CARD"]


def test_network_file_systems_are_silent_about_what_others_change() -> None:
    mounts = parse(BEFORE)
    assert silent_kind("/home/u/nas/2023", mounts) == "nfs4"
    assert silent_kind("/home/u/Pictures", mounts) is None


def test_this_machines_mounts_can_be_read() -> None:
    assert "/" in read()
