from hypothesis import given
from hypothesis import strategies as st

from photond.daemon.settle import Settling

NAMES = ["a", "b", "c"]
# What happens: time passes, an event about a file, or a file changes without any event.
HAPPENINGS = st.lists(
    st.one_of(
        st.tuples(st.just("passes"), st.floats(0.01, 3)),
        st.tuples(st.just("event"), st.sampled_from(NAMES)),
        st.tuples(st.just("grows"), st.sampled_from(NAMES)),
    ),
    max_size=60,
)


class Simulation:
    """Files that change, and what settling makes of it."""

    def __init__(self) -> None:
        self.settling = Settling(2.0)
        self.now = 0.0
        self.sizes = dict.fromkeys(NAMES, 0)
        self.changed_at = dict.fromkeys(NAMES, 0.0)
        self.settled: list[tuple[float, str]] = []

    def change(self, name: str, *, told: bool) -> None:
        self.sizes[name] += 1
        self.changed_at[name] = self.now
        if told:
            self.settling.note("/p", name, self.now)

    def look(self) -> None:
        for folder, name in self.settling.due(self.now):
            if self.settling.looked(folder, name, self.sizes[name], self.now):
                self.settled.append((self.now, name))
                # A change without an event may come just before the first look.
                assert self.now - self.changed_at[name] >= 0.9


@given(HAPPENINGS)
def test_whatever_happens_a_file_settles_only_after_it_stood_still_and_then_it_does(
    happenings,
) -> None:
    simulation = Simulation()
    noted: set[str] = set()
    for what, detail in happenings:
        if what == "passes":
            end = simulation.now + detail
            while (at := simulation.settling.next_at) is not None and at <= end:
                simulation.now = max(at, simulation.now)
                simulation.look()
            simulation.now = end
        else:
            simulation.change(detail, told=what == "event")
            noted |= {detail} if what == "event" else set()
    while (at := simulation.settling.next_at) is not None:
        assert at <= simulation.now + 2.0
        simulation.now = max(at, simulation.now)
        simulation.look()
    assert {name for _, name in simulation.settled} == noted
    assert len(simulation.settling) == 0


def test_a_file_that_grows_with_events_is_not_read_until_it_is_whole() -> None:
    simulation = Simulation()
    for _ in range(600):
        simulation.change("a", told=True)
        simulation.now += 0.1
        simulation.look()
    assert simulation.settled == []
    simulation.now += 2
    simulation.look()
    simulation.now += 2
    simulation.look()
    assert [name for _, name in simulation.settled] == ["a"]


def test_a_file_that_grows_without_events_is_not_read_until_it_is_whole() -> None:
    simulation = Simulation()
    simulation.change("a", told=True)
    for _ in range(60):
        simulation.now += 0.9
        simulation.change("a", told=False)
        simulation.look()
    assert simulation.settled == []


def test_more_files_than_can_be_followed_become_looks_at_their_folders() -> None:
    settling = Settling(2.0, limit=2)
    for name in NAMES:
        settling.note("/p", name, 0.0)
    assert len(settling) == 2
    assert settling.crowded_due(1.0) == []
    assert settling.crowded_due(2.0) == ["/p"]
    assert settling.crowded_due(9.0) == []


def test_what_has_settled_is_not_remembered() -> None:
    settling = Settling(1.0)
    settling.note("/p", "a", 0.0)
    assert settling.due(0.4) == []
    assert settling.due(0.5) == [("/p", "a")]
    assert not settling.looked("/p", "a", (1, 1), 0.5)
    assert settling.due(1.0) == [("/p", "a")]
    assert settling.looked("/p", "a", (1, 1), 1.0)
    assert settling.next_at is None
