"""Every page through `app.py`, every widget at both ends, links of any kind; no browser."""

from __future__ import annotations

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from core import catalogue, lesson
from core.controls import Choice, Choices, Control, Grid, InvalidValue, Number, Numbers, Switch
from core.drawings import Asset
from tests.pages import ROOT, opening_scene, page_spec
from tests.runs import board_of, run
from ui import runner
from ui.chart import encode


def opened(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    # A switch of pages drops the query, as a click in the menu does; a link brings it along.
    app.switch_page(f"pages/{page}.py")
    for name, text in query.items():
        app.query_params[name] = text
    return app.run()


@pytest.fixture
def one_board(entry, monkeypatch):
    """The opening's board in every scene: what is drawn of each is seen elsewhere (tests/test_scenes.py)."""
    scene = opening_scene(entry.slug)
    board = encode(board_of(entry.slug, scene), entry.module().predict(run(entry.slug, scene), scene))
    monkeypatch.setattr(runner, "board_of", lambda *args, **about: (board, True))


def texts(app: AppTest) -> str:
    return "\n".join(m.value for m in app.markdown)


def notices(app: AppTest, slug: str) -> list[str]:
    """What the page says of a link or a field that it could not use."""
    return app.session_state[f"notes:{slug}"]


def test_page_opens(entry, module):
    app = opened(entry.slug)
    assert not app.exception
    assert not notices(app, entry.slug)
    assert entry.title in texts(app)
    assert entry.question in texts(app)
    kinds = (app.slider, app.select_slider, app.selectbox, app.toggle, app.text_input, app.button_group)
    shown = {w.key.rsplit(":", 1)[0] for kind in kinds
             for w in kind if w.key}
    for name, control in module.Config.controls().items():
        # AppTest of Streamlit 1.67 finds no uploader; tests/test_uploads.py does.
        if not control.hidden and not isinstance(control, Asset) and module.Config().matters(name):
            assert f"{entry.slug}:{name}" in shown, name
    # Once a live run is over, another run of the page changes nothing.
    for _ in range(60):
        if "run" not in app.session_state:
            break
        app.run()
    before = texts(app.run())
    assert texts(app.run()) == before


def move(app: AppTest, slug: str, field: str, control: Control, value: object) -> AppTest:
    """Moves the field's widget as a reader would; a field without one is set as a click or the player sets it."""
    versions = app.session_state[f"versions:{slug}"]
    key = f"{slug}:{field}:{versions.get(field, 0)}"
    kinds = {Number: "slider", Grid: "select_slider", Switch: "toggle", Numbers: "text_input", Choices: "button_group"}
    kind = kinds.get(type(control), "selectbox")
    if isinstance(control, Choice) and not any(w.key == key for w in app.selectbox):
        kind = "button_group"
    widget = next((w for w in getattr(app, kind) if w.key == key), None)
    if widget is None:
        app.session_state[key] = value
    elif isinstance(control, Numbers):
        widget.set_value(control.write(value))
    elif kind == "button_group":
        widget.set_value(list(value) if isinstance(control, Choices) else value)
    else:
        widget.set_value(value)
    return app.run()


@pytest.mark.usefixtures("one_board")
def test_every_widget_at_both_ends(entry, module):
    app = opened(entry.slug)
    opening = opening_scene(entry.slug)
    for name, control in module.Config.controls().items():
        for value in (*control.edges(), getattr(opening, name)):
            try:
                scene = dataclasses.replace(opening, **{name: value})
            except InvalidValue:
                scene = None
            move(app, entry.slug, name, control, value)
            assert not app.exception, f"{name}={value!r}: {app.exception}"
            if scene is None:
                assert notices(app, entry.slug)
            else:
                assert app.session_state[f"scene:{entry.slug}"] == scene, name
                assert app.query_params.get(name) == scene.query().get(name)


def test_presets_open_from_their_links(entry, module):
    presets = page_spec(entry.slug).presets
    for preset in presets:
        scene = module.Config(**preset.values)
        assert lesson.scene_from_query(module.Config, scene.query()) == (scene, []), preset.name
    # One of them in the app; all of them are drawn where their promises are counted.
    preset = presets[-1]
    scene = module.Config(**preset.values)
    app = opened(entry.slug, **(scene.query() | {"seed": "3"} if "seed" not in preset.values else scene.query()))
    assert not app.exception
    assert not notices(app, entry.slug)
    assert app.session_state[f"scene:{entry.slug}"] == (scene if "seed" in preset.values else dataclasses.replace(scene, seed=3))


@pytest.mark.usefixtures("one_board")
def test_bad_values_of_the_page_itself_are_said(entry, module):
    app = opened(entry.slug, present="banana", further="plenty", beside="seed=-1&nobody=2&=&&%00")
    assert not app.exception
    told = " ".join(notices(app, entry.slug))
    assert "banana" in told
    assert "plenty" in told
    assert "nobody" in told
    assert "Seed" in told
    assert app.session_state[f"scene:{entry.slug}"] == opening_scene(entry.slug)
    assert app.session_state[f"pinned:{entry.slug}"] == dataclasses.replace(module.Config(), seed=0)
    assert "present" not in app.query_params
    assert "further" not in app.query_params


@pytest.mark.usefixtures("one_board")
def test_a_page_opens_with_its_first_preset_and_a_link_at_the_defaults(entry, module):
    assert opened(entry.slug).session_state[f"scene:{entry.slug}"] == opening_scene(entry.slug)
    assert opened(entry.slug, seed="3").session_state[f"scene:{entry.slug}"] == module.Config(seed=3)


@pytest.mark.usefixtures("one_board")
@pytest.mark.parametrize("text", ["nan", "1e999", "garbage", "-7", ""])
def test_a_bad_link_is_mended_and_said(entry, module, text):
    names = [n for n, c in module.Config.controls().items()]
    app = opened(entry.slug, **dict.fromkeys(names, text), nobody="1")
    assert not app.exception
    assert any("nobody" in notice for notice in notices(app, entry.slug))
    assert isinstance(app.session_state[f"scene:{entry.slug}"], module.Config)
    # Once the reader moves something, the complaint about the link is gone.
    scene = app.session_state[f"scene:{entry.slug}"]
    move(app, entry.slug, "seed", scene.controls()["seed"], 11)
    assert not notices(app, entry.slug)


def test_leaving_and_coming_back_keeps_the_scene():
    app = opened("optimisers", alpha="0.5")
    app.switch_page("pages/mixup.py").run()
    app.switch_page("pages/optimisers.py").run()
    assert not app.exception
    assert app.session_state["scene:optimisers"].alpha == 0.5


@pytest.mark.parametrize(("asked", "written"), [
    ({"seed": "0", "alpha": "0.90"}, None), ({"alpha": "0.50", "further": "1", "beside": "alpha=0.9"}, None),
    ({"alpha": "0.50", "nobody": "1"}, {"alpha": "0.5"}), ({"alpha": "0.50", "present": "yes"}, {"alpha": "0.5"}),
    ({"alpha": "7"}, {"alpha": "0.99"}), ({"alpha": "0.50", "further": "0"}, {"alpha": "0.5"}),
    ({"alpha": "0.50", "beside": "alpha=banana"}, {"alpha": "0.5", "beside": "seed=0"})])
def test_an_address_is_written_anew_where_it_says_something_else(asked, written):
    app = opened("optimisers", **asked)
    assert {name: app.query_params[name] for name in app.query_params} == (written or asked)


@pytest.mark.parametrize(("slug", "name"), [("optimisers", "methods"), ("early_stopping", "patience")])
def test_defaults_have_a_link_where_a_page_opens_with_another_scene(slug, name):
    app, defaults = opened(slug), catalogue.lesson(slug).module().Config()
    assert app.session_state[f"scene:{slug}"] == opening_scene(slug) != defaults
    assert not app.query_params, "an address without a field shows this scene as it is"
    lost = opened(slug, nobody="1")
    assert lost.session_state[f"scene:{slug}"] == opening_scene(slug)
    assert any("nobody" in notice for notice in notices(lost, slug))
    move(app, slug, name, defaults.controls()[name], getattr(defaults, name))
    assert app.session_state[f"scene:{slug}"] == defaults
    link = {name: app.query_params[name] for name in app.query_params}
    assert opened(slug, **link).session_state[f"scene:{slug}"] == defaults
    move(app, slug, name, defaults.controls()[name], getattr(opening_scene(slug), name))
    link = {name: app.query_params[name] for name in app.query_params}
    assert opened(slug, **link).session_state[f"scene:{slug}"] == opening_scene(slug)
