from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from photond.search.fusion import fused

ORDERS = st.lists(st.lists(st.integers(0, 30), unique=True, max_size=20), max_size=4)


def test_what_several_orders_agree_on_comes_first() -> None:
    assert fused([1, 2, 3], [4, 2, 5]) == [2, 1, 4, 3, 5]


def test_of_what_fares_alike_that_of_the_earlier_order_comes_first() -> None:
    assert fused([7], [8]) == [7, 8]
    assert fused([], [8, 7]) == [8, 7]


@given(ORDERS)
def test_nothing_is_lost_and_nothing_comes_twice(orders: list[list[int]]) -> None:
    order = fused(*orders)
    assert len(order) == len(set(order))
    assert set(order) == {item for one in orders for item in one}


@given(st.lists(st.integers(), unique=True), st.integers(1, 3))
def test_orders_that_are_alike_keep_their_order(order: list[int], times: int) -> None:
    assert fused(*[order] * times) == order


@given(ORDERS)
def test_what_is_ahead_of_another_in_every_order_that_has_either_stays_ahead(
    orders: list[list[int]],
) -> None:
    order = fused(*orders)
    lists = [one for one in orders if one]
    for one, other in permutations(order, 2):
        if all(
            one in each and (other not in each or each.index(one) < each.index(other))
            for each in lists
        ):
            assert order.index(one) < order.index(other)
