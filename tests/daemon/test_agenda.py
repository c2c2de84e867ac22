from hypothesis import given
from hypothesis import strategies as st

from photond.daemon import agenda
from photond.daemon.agenda import Agenda
from photond.pipeline.reconcile import is_below_any

PATHS = st.lists(st.sampled_from("ab"), max_size=4).map(lambda parts: "/r/" + "/".join(parts))


def all_of(one: Agenda) -> list[str]:
    taken = []
    while one:
        path = one.take()
        assert path is not None
        taken.append(path)
    assert one.take() is None
    return taken


@given(st.lists(PATHS.map(lambda path: path.rstrip("/"))))
def test_every_path_that_was_asked_for_is_covered_and_no_tree_lies_in_another(paths) -> None:
    one = Agenda(["/r"])
    for path in paths:
        one.add_tree(path)
    taken = all_of(one)
    assert all(is_below_any(path, taken) for path in paths)
    trees = [path for path in taken if path != "/r"]
    for path in trees:
        assert not is_below_any(path, [other for other in trees if other != path])


def test_what_an_event_pointed_at_goes_before_whole_roots() -> None:
    one = Agenda(["/r", "/s"])
    one.add_root("/r")
    one.add_root("/s")
    one.add_tree("/s/new")
    assert all_of(one) == ["/s/new", "/r", "/s"]


def test_paths_outside_of_all_roots_are_nobodys() -> None:
    one = Agenda(["/r"])
    one.add_tree("/elsewhere")
    assert not one


def test_a_path_belongs_to_the_innermost_root() -> None:
    assert Agenda(["/r", "/r/.hidden"]).root_of("/r/.hidden/a") == "/r/.hidden"


def test_very_many_trees_become_their_roots() -> None:
    one = Agenda(["/r", "/s"])
    for number in range(agenda.MAX_TREES + 1):
        one.add_tree(f"/r/{number}")
    assert all_of(one) == ["/r"]
