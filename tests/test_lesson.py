"""The controls and the reading of links, on a Config of the test's own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from core.controls import InvalidValue, choice, choices, decades, grid, number, numbers, switch
from core.lesson import Scene, last, scene_from_query


@dataclass(frozen=True, kw_only=True)
class Toy(Scene):
    size: int = number(4, low=0, high=10, step=2, label="Size")
    share: float = number(0.3, low=0.0, high=1.0, step=0.1, label="Share")
    rate: float = grid(0.1, values=decades(-3, 0), label="Rate")
    kind: str = choice("a", options={"a": "First", "b": "Second"}, label="Kind")
    some: tuple[str, ...] = choices(("x", "y"), options={"x": "X", "y": "Y", "z": "Z"}, label="Some")
    on: bool = switch(False, label="On")
    batch: tuple[float, ...] = numbers((1.0, 2.0), low=-5.0, high=5.0, least=2, most=4, label="Batch")
    left: float = number(0.0, low=0.0, high=9.0, step=1.0, label="Left", view=True)
    right: float = number(5.0, low=0.0, high=9.0, step=1.0, label="Right", when=("kind", ("b",)))

    def rules(self) -> None:
        if self.left >= self.right:
            raise InvalidValue("left", f"left must be below right, not {self.left:g} with right {self.right:g}")


@pytest.mark.parametrize(("text", "used"), [
    ({"size": "6"}, {"size": 6}), ({"share": "0.7"}, {"share": 0.7}), ({"rate": "0.002"}, {"rate": 0.002}),
    ({"kind": "b"}, {"kind": "b"}), ({"some": "x,z"}, {"some": ("x", "z")}), ({"on": "1"}, {"on": True}),
    ({"batch": "1,2,-3.5"}, {"batch": (1.0, 2.0, -3.5)}),
])
def test_valid_links_say_nothing(text, used):
    assert scene_from_query(Toy, text) == (Toy(**used), [])
    assert Toy(**used).query() == text


@pytest.mark.parametrize(("text", "used", "word"), [
    ({"size": "5"}, {"size": 4}, "Size"),  # off-step
    ({"size": "5.5"}, {"size": 6}, "Size"),
    ({"size": "999"}, {"size": 10}, "Size"),
    ({"share": "0.33"}, {"share": 0.3}, "Share"),
    ({"share": "nan"}, {}, "Share"),
    ({"share": "1e400"}, {}, "Share"),
    ({"rate": "0.003"}, {"rate": 0.002}, "Rate"),
    ({"rate": "7"}, {"rate": 1.0}, "Rate"),
    ({"kind": "c"}, {}, "First"),
    ({"some": "z,x"}, {"some": ("x", "z")}, "Some"),
    ({"some": "q"}, {}, "Some"),
    ({"on": "perhaps"}, {}, "On"),
    ({"batch": "1,99"}, {"batch": (1.0, 5.0)}, "Batch"),
    ({"batch": "1"}, {}, "Batch"),
    ({"left": "7"}, {}, "left must be below right"),  # reversed
    ({"nobody": "1"}, {}, "nobody"),
])
def test_bad_links_are_mended_and_named(text, used, word):
    scene, notes = scene_from_query(Toy, text)
    assert scene == Toy(**used)
    assert len(notes) == 1
    assert word in notes[0]


def test_what_matters_and_what_is_trained():
    assert not Toy().matters("right")
    assert Toy(kind="b").matters("right")
    assert Toy(left=2.0).trained() == Toy()
    assert Toy(size=6, left=2.0).trained() == Toy(size=6)


def test_edges_are_valid():
    for name, control in Toy.controls().items():
        for value in control.edges():
            control.check(value)
            assert control.parse(control.write(value)) == value, name


def test_last():
    assert last(iter([1, 2, 3])) == 3
    with pytest.raises(ValueError, match="no result"):
        last([])
