"""The wire: what the browser reads is what was drawn, beside Plotly's own way of sending it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import streamlit as st

from figures import style
from figures.solid import ground
from figures.wire import DTYPES, Arrays, rounded, significant
from tests.wire import panels_of, parts_of, put, traces_of
from ui import chart
from ui.assets import PARTS
from ui.chart import Board, Panel, encode


def board(*traces: style.Trace) -> Board:
    return Board(panels=[Panel(id="one", figure=style.figure(traces, x="x", y="y"), caption="", alt="")])


@pytest.mark.parametrize("dtype", [*DTYPES, "i8", "u8"])
@pytest.mark.parametrize("shape", [(5,), (3, 7), (2, 3, 5)])
def test_numbers_arrive_as_plotly_would_send_them(dtype, shape):
    values = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    figure = board(dict(type="scatter", x=[1, 2], y=values, meta={"frames": {"marker.color": values + 1}}))
    (trace,) = traces_of(encode(figure))["one"]
    spec = figure.panels[0].figure.to_dict()["data"][0]["y"]
    theirs = np.frombuffer(base64.b64decode(spec["bdata"]), spec["dtype"]).reshape(shape)
    np.testing.assert_array_equal(np.asarray(trace["y"]), theirs)
    np.testing.assert_array_equal(np.asarray(trace["meta"]["frames"]["marker.color"]), values + 1)
    assert trace["x"] == [1, 2]


def test_a_late_message_of_a_board_that_has_gone_is_no_error(monkeypatch):
    """Streamlit calls the callback, though what the browser keeps of the page before is not among its state any more."""
    mounted: list[dict[str, Any]] = []
    monkeypatch.setattr(chart, "_component", lambda: (lambda **about: mounted.append(about), {"look": b"{}"}))
    monkeypatch.setattr(st, "session_state", {})
    told: list[dict[str, Any]] = []
    chart.show(encode(board(dict(type="scatter", x=[0], y=[1]))), key="board", scene="", about={}, on_event=told.append)
    mounted[0]["on_events_change"]()
    assert told == []
    st.session_state["board"] = {"events": [{"event": "click", "at": 1}]}
    mounted[0]["on_events_change"]()
    assert told == [{"event": "click", "at": 1}]


def test_further_pictures_are_named_with_the_board_and_drawn_apart():
    calls: list[str] = []

    def figure(name: str):
        return lambda: calls.append(name) or style.figure([dict(type="scatter", x=[0], y=[1])])

    def panel(name: str, **about: Any) -> Panel:
        return Panel(id=name, title=name.title(), figure=figure(name), **about)

    both = Board(panels=[panel("one", click=("a", "b"))], further=[panel("two", click=("c", "d"))])
    first = encode(both)
    assert calls == ["one"]
    assert [about["id"] for about in panels_of(first)] == ["one"]
    more = encode(both, further=True)
    assert calls == ["one", "two"]
    assert [about["id"] for about in panels_of(more)] == ["two"]
    assert replace(first, further=more).all_fields["click"] == {"one": ("a", "b"), "two": ("c", "d")}
    assert first.all_fields["click"] == {"one": ("a", "b")}


@pytest.mark.parametrize("dtype", DTYPES)
def test_bytes_of_any_number_come_back(dtype):
    """Every pattern of bits, not a number among them, also where arrays share bytes or begin at an odd place."""
    rng = np.random.default_rng(1)
    any_bits = np.frombuffer(rng.bytes(3 * 5 * 8), dtype)
    sent = {"odd": np.arange(3, dtype=np.uint8), "flat": any_bits, "rows": any_bits.reshape(5, -1), "zeros": np.zeros(8, dtype),
            "other": np.zeros(1, "f8")}
    arrays = Arrays()
    places = arrays.extract(sent)
    found = put(json.loads(json.dumps(places)), b"".join(arrays.buffers))
    assert places["flat"]["at"] == places["rows"]["at"] == 3
    for name, values in sent.items():
        assert (found[name].dtype, found[name].shape, found[name].tobytes()) == (values.dtype, values.shape, values.tobytes())


def test_what_is_rounded_is_near_and_small():
    x = np.linspace(-3, 3, 4000, dtype=np.float32)
    values = np.where(np.arange(4000) % 100, np.sin(x), np.nan).astype(np.float32)
    values[1] = np.inf
    near = rounded(values, bits=13)
    finite = np.isfinite(values)
    assert near.dtype == values.dtype
    np.testing.assert_array_equal(near[~finite], values[~finite])
    assert 0 < np.abs(near[finite] - values[finite]).max() <= 2.0**-14
    sizes = [encode(board(dict(type="scatter", x=[0], y=v))).size for v in (values, near)]
    assert sizes[1] < 0.6 * sizes[0]
    assert encode(board(dict(type="scatter", x=[0], y=values))).size < values.nbytes


def test_what_is_no_number_stays_text():
    gone = np.array([1.0, np.nan, np.inf], np.float32)
    words = dict(text=["a", "b\nc"], customdata=np.array(["é", "\n"]), ids=np.array([True, False]))
    (trace,) = traces_of(encode(board(dict(type="scatter", x=gone, y=np.array([]), **words))))["one"]
    np.testing.assert_array_equal(trace["x"], gone)
    assert (trace["y"], trace["text"], trace["customdata"], trace["ids"]) == ([], ["a", "b\nc"], ["é", "\n"], [True, False])


def test_equal_arrays_travel_once():
    x = np.linspace(0, 1, 5000, dtype=np.float32)
    lines = [dict(type="scatter", x=x.copy(), y=x + i) for i in range(4)]
    assert sum(len(numbers) for _, numbers in parts_of(encode(board(*lines))).values()) == 4 * x.nbytes
    assert encode(board(*lines)).digest == encode(board(*lines)).digest
    assert encode(board(*lines)).digest != encode(board(*lines[:3])).digest


def test_whole_numbers_too_long_for_a_browser_stay_exact():
    (trace,) = traces_of(encode(board(dict(type="scatter", x=np.array([2**40, -(2**40)]), y=[0, 1]))))["one"]
    assert trace["x"] == [2**40, -(2**40)]


def test_a_part_is_named_by_its_content():
    def line(y: int) -> Panel:
        return Panel(id=f"line{y}", figure=style.figure([dict(type="scatter", x=[0, 1], y=np.arange(2.0) + y)], x="x", y="y"))

    one, two = encode(Board(panels=[line(1), line(2)])), encode(Board(panels=[line(1), line(3)], summary="other words"))
    for encoded in (one, two):
        assert len(encoded.parts) == 3
        for digest, part in encoded.parts.items():
            assert digest == hashlib.blake2b(part, digest_size=12).hexdigest()
        named = [panel["part"] for panel in panels_of(encoded)]
        assert {encoded.digest, *named} == set(encoded.parts)
    assert len(set(one.parts) & set(two.parts)) == 1


def test_a_message_holds_what_the_last_one_did_not(monkeypatch):
    state: dict[str, Any] = {}
    now = [100.0]
    monkeypatch.setattr(st, "session_state", state)
    monkeypatch.setattr(chart.time, "monotonic", lambda: now[0])
    assert chart._sent("x", {"look": b"", "a": b""}) == ["look", "a"]
    assert chart._sent("x", {"look": b"", "a": b"", "b": b""}) == ["b"]
    assert chart._sent("x", {"look": b"", "c": b""}) == ["c"]
    assert chart._sent("x", {"look": b"", "a": b""}) == ["a"]
    state["x"] = set(), now[0] + chart.WHOLE  # the browser has said that it misses something
    for _ in range(2):
        assert chart._sent("x", {"look": b"", "a": b""}) == ["look", "a"]
    now[0] += chart.WHOLE
    assert chart._sent("x", {"look": b"", "a": b""}) == []


@pytest.mark.parametrize(("kind", "moves", "solid"), [("scatter", {}, False), ("scatter", {"grow": [1]}, False),
                                                      ("mesh3d", {"frames": {"z": [[1]]}}, True)])
def test_the_browser_is_told_what_moves_and_what_needs_webgl(kind, moves, solid):
    panel = Panel(id="one", figure=go.Figure([{"type": kind, "meta": moves}]))
    encoded = encode(Board(panels=[panel]))
    (about,) = panels_of(encoded)
    assert (about["moves"], about["solid"]) == (bool(moves), solid)


def test_no_two_parts_use_one_name():
    """A board that is saved as one file has the parts one after the other in one module."""
    defined = re.compile(r"^(?:export )?(?:async )?(?:function\*?|class|const|let) (\w+)", re.M)
    names = Counter(name for part in PARTS for name in defined.findall((chart.HERE / part).read_text()))
    assert len(names) > 50
    assert [name for name, count in names.items() if count > 1] == []


def test_numbers_of_any_size_keep_their_first_digits():
    values = np.random.default_rng(2).normal(size=4000).astype(np.float32) * np.float32(10) ** np.linspace(-30, 30, 4000)
    values = np.concatenate([values, [0, -0.0, np.inf, -np.inf, np.nan]]).astype(np.float32)
    near = significant(values, bits=16)
    assert near.dtype == values.dtype
    np.testing.assert_array_equal(near[4000:], values[4000:])
    off = np.abs(near[:4000].astype(float) / values[:4000] - 1)
    assert 0 < off.max() <= 2.0**-16
    assert not (near.view(np.uint32) & 0xFF)[:4004].any()  # the last byte of each


def test_the_corners_of_a_grids_triangles_compress_to_nothing():
    n = 64
    x = np.linspace(0.0, 1.0, n)
    mesh, _ = ground(x, x, np.add.outer(x**2, x**3), np.array([0.5]))
    corners = {name: mesh[name] for name in "ijk"}
    assert all(len(v) == 2 * (n - 1) ** 2 for v in corners.values())
    made: dict[str, bytes] = {}
    arrays = Arrays()
    figure = arrays.extract(corners)
    chart._add(made, figure, arrays)
    assert sum(map(len, made.values())) < 0.02 * 3 * 4 * 2 * (n - 1) ** 2
    found = put(figure, b"".join(arrays.buffers))
    for name, values in corners.items():
        np.testing.assert_array_equal(found[name], values)
