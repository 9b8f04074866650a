"""Pinned runs: what is kept of them, what tells them apart, their curves beside the present one's, and the CSV of all."""

import csv
import io
import math
import runpy
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from core.playground import pins
from core.playground.setup import Setup
from core.playground.view import look
from core.simulation import Simulation
from figures.playground import pictures
from figures.playground import pins as figures
from tests.pages import ROOT
from ui.chart import encode

SMALL = dict(samples=60, hidden=(5.0, 4.0))


def trained(steps: int = 105, **values) -> Simulation:
    run = Simulation(Setup(**SMALL | values))
    run.advance(steps)
    return run


def test_a_pin_stays_while_the_run_goes_on():
    run = trained()
    (one,) = pins.pin((), run)
    now = run.measure()
    assert one.letter == "A" and one.now == now and one.now.step == 105 and one.setup == run.setup and not one.changed
    assert [r.step for r in one.records] == [*range(0, 101, 10), 105] and one.cpu_seconds == run.cpu_seconds > 0
    run.apply(replace(run.setup, l1=0.1))
    run.advance(300)
    assert one.now == now and one.setup.l1 == 0
    assert pins.kept(run).changed


def test_letters_are_given_back_and_a_fifth_is_refused_in_a_sentence():
    run = trained(10)
    kept = pins.pin((), run)
    for _ in range(3):
        kept = pins.pin(kept, run)
    assert [one.letter for one in kept] == ["A", "B", "C", "D"]
    with pytest.raises(ValueError, match=r"^4 runs are pinned already: unpin one of them first\.$"):
        pins.pin(kept, run)
    assert [one.letter for one in pins.pin((kept[0], kept[2]), run)] == ["A", "B", "C"]


def test_what_differs_is_told_and_nothing_else():
    first, second = trained(10, rate=0.3, l1=0.01), trained(10, share=80)
    runs = [*pins.pin((), first), *pins.pin((), second)]
    assert pins.differences(runs) == ["Share for training 50 %, Learning rate ε 0.3, L1 0.01",
                                      "Share for training 80 %, Learning rate ε 0.1, L1 0"]
    assert pins.differences(runs[:1]) == ["same set-up"]
    momentum = [*pins.pin((), trained(10, method="momentum", alpha=0.5)), *pins.pin((), trained(10))]
    assert pins.differences(momentum) == ["Method Momentum, Momentum α 0.5", "Method SGD"], "α matters to momentum alone"


def test_the_csv_has_each_record_of_each_run():
    run = trained(105, data="plane")
    (one,) = pins.pin((), run)
    run.apply(replace(run.setup, l2=0.1))
    run.advance(7)
    now = pins.kept(run)
    names, *lines = csv.reader(io.StringIO(pins.curves_csv([one, now])))
    assert tuple(names) == ("run", "step", "epoch", "objective", "training loss", "validation loss", "test loss",
                            "training error", "validation error", "test error")
    assert len(lines) == len(one.records) + len(now.records)
    assert {line[0] for line in lines} == {"A: L2 0", "now: L2 0.1, changed on the way"}
    for line, record in zip(lines, (*one.records, *now.records), strict=True):
        assert int(line[1]) == record.step and float(line[3]) == record.objective
        assert [float(v) for v in line[4:7]] == list(record.loss) and line[7:] == ["", "", ""], "a regression has no error"


def test_the_curves_have_dashes_of_their_own_and_a_letter_at_their_ends():
    kept = ()
    for rate in (0.03, 0.1, 0.3, 1.0):
        kept = pins.pin(kept, trained(700, rate=rate))
    run = trained(50)
    view = look(run)
    plain = pictures.losses(view)
    count = len(plain.data)
    figure = figures.with_pins(pictures.losses(view), view, kept)
    added = figure.data[count:]
    assert [trace.name for trace in added] == [f"{letter}, validation" for letter in "ABCD"]
    assert len({trace.line.dash for trace in added}) == 4 and all(trace.line.dash != "solid" for trace in added)
    letters = [note for note in figure.layout.annotations if note.text in {f"<b>{letter}</b>" for letter in "ABCD"}]
    assert len(letters) == 4
    for one, trace, note in zip(kept, added, letters, strict=True):
        assert trace.x[-1] == one.now.step and trace.y[-1] == pytest.approx(one.now.loss[1], rel=1e-6)
        assert note.x == trace.x[-1] and 10**note.y == pytest.approx(trace.y[-1], rel=1e-6)
        assert len(trace.x) <= figures.POINTS
    low, high = figure.layout.yaxis.range
    seen = np.concatenate([trace.y for trace in added])
    assert 10**low <= seen.min() and seen.max() <= 10**high and figure.layout.xaxis.range[1] >= 700
    assert figures.with_pins(pictures.losses(view), view, ()) == plain


def test_a_pin_without_validation_shows_its_training_loss_and_another_loss_is_not_drawn():
    drawn = pins.pin((), trained(50, data="drawn"))
    view = look(trained(20))
    assert figures.curve(drawn[0])[0] == "training"
    assert figures.caption(view, drawn) == " With letters: the training loss of the pinned runs."
    both = pins.pin(drawn, trained(50, data="plane"))
    assert [figures.is_drawn(one, view) for one in both] == [True, False]
    assert figures.caption(view, both).endswith("Another loss than this axis', not drawn: B.")


def test_what_diverged_is_kept_and_told():
    run = trained(5000, data="plane", hidden=(), rate=10.0, batch=1000)
    assert run.stopped == "diverged"
    kept = pins.pin((), run)
    table = figures.table((*kept, pins.kept(trained(10))))
    assert str(table.rows[0][1]).endswith("; diverged")
    assert all(not isinstance(cell, float) or math.isfinite(cell) for cell in table.rows[0]), "JSON has no other numbers"
    view = look(trained(10, data="plane"))
    figures.with_pins(pictures.losses(view), view, kept)


def test_the_board_has_the_table_where_there_are_pins_and_pins_add_little_to_a_message():
    run = trained(1500)
    kept = pins.pin(pins.pin((), run), run)
    view = look(run)
    with mock.patch("ui.play.show") as show:
        runpy.run_path(str(ROOT / "pages" / "playground.py"))
    draw_all, _ = show.call_args.args
    plain = draw_all(view, run.setup, False, ())
    board = draw_all(view, run.setup, False, (*kept, pins.seen(view, run)))
    assert [panel.id for panel in board.panels] == [*(panel.id for panel in plain.panels), "pins"]
    table = board.panels[-1].figure
    assert [row[0] for row in table.rows] == ["A", "B", "now"] and table.rows[2][2] == 1500
    now = run.measure()
    assert table.rows[2][4:8] == (now.objective, *now.loss) and table.rows[0][4:8] == table.rows[2][4:8]
    assert encode(board).size - encode(plain).size < 4_000, "bytes"
    assert plain.panels[0].pair == ("net",)
