"""What a session keeps of the playground: presses of buttons, each of which counts once; the run and what it learns."""

from collections import Counter
from dataclasses import replace
from unittest import mock

import numpy as np
from streamlit.testing.v1 import AppTest

from core.playground.setup import Setup
from core.simulation import Simulation
from core.uploads import Points, PointsForm
from tests.pages import ROOT
from ui import asset_store, compat, play_bar, play_state
from ui.play_state import Play, press


def test_each_press_is_acted_upon_once_whenever_it_is_handed_on():
    play, done = Play(Simulation(Setup(samples=20))), []
    # What the browser has told of when the callback is called: a press; the same again; two more at once; nothing new.
    told = [Counter(Pin=1), Counter(Pin=1), Counter(Pin=3), Counter(Pin=3, Undo=1)]
    with mock.patch.object(play_state, "current", return_value=play), mock.patch.object(compat, "presses", side_effect=told):
        for wanted in (1, 1, 3):
            press("Pin", lambda: done.append("Pin"))
            assert done == ["Pin"] * wanted
        press("Undo", lambda: done.append("Undo"))
    assert done == ["Pin"] * 3 + ["Undo"]


def test_every_callback_is_a_press_where_there_is_no_browser():
    play, done = Play(Simulation(Setup(samples=20))), []
    with mock.patch.object(play_state, "current", return_value=play):
        for _ in range(4):
            press("Step", lambda: done.append("Step"))
    assert done == ["Step"] * 4


def playground(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page("pages/playground.py")
    for name, text in query.items():
        app.query_params[name] = text
    return app.run()


def told(app: AppTest) -> str:
    assert not app.exception
    return " ".join(app.session_state["notes:playground"])


def trained(app: AppTest) -> Setup:
    return app.session_state["playground:play"].run.setup


def choose(app: AppTest, data: str) -> AppTest:
    version = app.session_state["versions:playground"].get("data", 0) if "versions:playground" in app.session_state else 0
    return app.selectbox(key=f"playground:data:{version}").set_value(data).run()


def test_where_there_is_nothing_to_train_on_it_is_said_what_is_used_instead():
    app = playground(data="own", rate="0.3", own="0" * 32)
    assert "is not in the link" in told(app), "what is said of the link itself is kept"
    assert "Choose a file of points first" in told(app)
    assert "Until then it learns: Circles." in told(app)
    assert trained(app) == Setup(rate=0.3), "the rest of the link is kept"
    app = playground(data="drawn", points="")
    assert "at least two classes" in told(app)
    assert "Until then it learns: the drawing that it begins with." in told(app)
    assert trained(app) == Setup(data="drawn"), "there is something to draw on"
    app = choose(choose(app, "spiral"), "drawn")
    assert trained(app) == Setup(data="drawn")
    assert "the drawing that it begins with" in told(app)


def test_points_that_are_taken_back_are_trained_on_no_more():
    app = playground(data="own")
    owner = app.session_state["scene:playground"]
    points = Points(np.random.default_rng(0).normal(size=(2, 40)).astype(np.float32), np.arange(40) % 2, ("fox", "hedgehog"))
    data = PointsForm().pack(points)
    with mock.patch.object(asset_store.AssetStore, "get", lambda self, digest, owner=None: data if digest == "1" * 32 else None):
        app.session_state["scene:playground"] = replace(owner, own="1" * 32)
        app.run()
        assert trained(app).own == "1" * 32
        assert app.session_state["playground:play"].run.problem.names == ("fox", "hedgehog")
        app.session_state["scene:playground"] = owner
        app.run()
    assert trained(app) == Setup()
    assert "Until then it learns: Circles." in told(app)
    run = app.session_state["playground:play"].run
    assert not run.assets and not run.can_undo, "nothing leads back to them"


def test_every_step_that_is_remembered_can_be_looked_back_at():
    play = Play(Simulation(Setup(samples=20)), playing=False)
    play.run.advance(705)
    steps = play_bar._steps(play)
    assert steps[-1] == 705
    assert steps[:-1] == [record.step for record in play.run.history.records]
    assert steps[-2] < 705
    play.run.go_to(len(steps) - 2)
    assert play_bar._steps(play)[-1] == steps[-2]
