"""The wire: what the browser reads is what was drawn, beside Plotly's own way of sending it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import streamlit as st

from figures import style
from figures.wire import DTYPES
from ui import chart
from ui.assets import PARTS
from ui.chart import Board, Encoded, Panel, encode


def board(*traces: style.Trace) -> Board:
    return Board(panels=[Panel(id="one", figure=style.figure(traces, x="x", y="y"), caption="", alt="")])


def received(encoded: Encoded) -> list[dict[str, Any]]:
    """The traces as the browser puts them together again."""
    about = json.loads(encoded.parts[encoded.digest])
    text, numbers = encoded.parts[about["panels"][0]["part"]].split(b"\n", 1)

    def put(value: Any) -> Any:
        if isinstance(value, dict) and "dtype" in value:
            kind = np.dtype(value["dtype"])
            assert value["at"] % 8 == 0, "an array of eight-byte numbers cannot begin elsewhere"
            return np.frombuffer(numbers, kind, int(np.prod(value["shape"])), value["at"]).reshape(value["shape"])
        if isinstance(value, dict):
            return {name: put(item) for name, item in value.items()}
        return [put(item) for item in value] if isinstance(value, list) else value

    return put(json.loads(text)["data"])


@pytest.mark.parametrize("dtype", [*DTYPES, "i8", "u8"])
@pytest.mark.parametrize("shape", [(5,), (3, 7), (2, 3, 5)])
def test_numbers_arrive_as_plotly_would_send_them(dtype, shape):
    values = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    figure = board(dict(type="scatter", x=[1, 2], y=values, meta={"frames": {"marker.color": values + 1}}))
    (trace,) = received(encode(figure))
    spec = figure.panels[0].figure.to_dict()["data"][0]["y"]
    theirs = np.frombuffer(base64.b64decode(spec["bdata"]), spec["dtype"]).reshape(shape)
    np.testing.assert_array_equal(np.asarray(trace["y"]), theirs)
    np.testing.assert_array_equal(np.asarray(trace["meta"]["frames"]["marker.color"]), values + 1)
    assert trace["x"] == [1, 2]


def test_what_is_no_number_stays_text():
    gone = np.array([1.0, np.nan, np.inf], np.float32)
    words = dict(text=["a", "b\nc"], customdata=np.array(["é", "\n"]), ids=np.array([True, False]))
    (trace,) = received(encode(board(dict(type="scatter", x=gone, y=np.array([]), **words))))
    np.testing.assert_array_equal(trace["x"], gone)
    assert (trace["y"], trace["text"], trace["customdata"], trace["ids"]) == ([], ["a", "b\nc"], ["é", "\n"], [True, False])


def test_equal_arrays_travel_once():
    x = np.linspace(0, 1, 5000, dtype=np.float32)
    lines = [dict(type="scatter", x=x.copy(), y=x + i) for i in range(4)]
    assert len(encode(board(*lines)).body) < 1.1 * 4 * x.nbytes
    assert encode(board(*lines)).digest == encode(board(*lines)).digest
    assert encode(board(*lines)).digest != encode(board(*lines[:3])).digest


def test_whole_numbers_too_long_for_a_browser_stay_exact():
    (trace,) = received(encode(board(dict(type="scatter", x=np.array([2**40, -(2**40)]), y=[0, 1]))))
    assert trace["x"] == [2**40, -(2**40)]


def test_a_part_is_named_by_its_content():
    def line(y: int) -> Panel:
        return Panel(id=f"line{y}", figure=style.figure([dict(type="scatter", x=[0, 1], y=np.arange(2.0) + y)], x="x", y="y"))

    one, two = encode(Board(panels=[line(1), line(2)])), encode(Board(panels=[line(1), line(3)], summary="other words"))
    for encoded in (one, two):
        assert len(encoded.parts) == 3
        for digest, part in encoded.parts.items():
            assert digest == hashlib.blake2b(part, digest_size=12).hexdigest()
        named = [panel["part"] for panel in json.loads(encoded.parts[encoded.digest])["panels"]]
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
                                                      ("surface", {"frames": {"z": [[[1]]]}}, True)])
def test_the_browser_is_told_what_moves_and_what_needs_webgl(kind, moves, solid):
    panel = Panel(id="one", figure=go.Figure([{"type": kind, "meta": moves}]))
    encoded = encode(Board(panels=[panel]))
    (about,) = json.loads(encoded.parts[encoded.digest])["panels"]
    assert (about["moves"], about["solid"]) == (bool(moves), solid)


def test_no_two_parts_use_one_name():
    """A board that is saved as one file has the parts one after the other in one module."""
    defined = re.compile(r"^(?:export )?(?:async )?(?:function\*?|class|const|let) (\w+)", re.M)
    names = Counter(name for part in PARTS for name in defined.findall((chart.HERE / part).read_text()))
    assert len(names) > 50
    assert [name for name, count in names.items() if count > 1] == []
