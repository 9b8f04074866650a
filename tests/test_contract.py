"""Every lesson of the catalogue keeps the contract of `core.lesson`."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import sys
import threading
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
import torch

from core import lesson
from core.controls import Choice, Choices, Control, Grid, InvalidValue, Number, Numbers, Switch
from core.drawings import LEVELS, Asset, Points
from core.lesson import Scene
from figures import style
from tests.pages import opening_scene, page_spec
from tests.runs import board_of, opening
from tests.scenes import blind, panels
from tests.wire import text_of
from ui.chart import Board, encode

BAD_TEXT = ["", "nan", "NaN", "inf", "-inf", "1e999", "-1e308", "99999999999999999999", "abc", "<script>", "0.123456789",
            "-1", "1,2", ",", "1,nan,2", "true", "None", "💥", "x" * 5000, "0x10", "１２", "[]", "{}", "../../etc"]
# A board is sent whole when a scene changes; this is what a phone on a slow line can wait for.
LARGEST_BOARD = 400_000


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Every tensor and scalar inside a Result, except what was measured with a clock."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [leaf for f in dataclasses.fields(value) if not f.metadata.get("measured")
                for leaf in leaves(getattr(value, f.name), f"{path}.{f.name}")]
    if isinstance(value, dict):
        return [leaf for k, v in value.items() for leaf in leaves(v, f"{path}[{k!r}]")]
    if isinstance(value, (list, tuple)):
        return [leaf for i, v in enumerate(value) for leaf in leaves(v, f"{path}[{i}]")]
    return [(path, value)]


def assert_same(one: Any, two: Any) -> None:
    first, second = leaves(one), leaves(two)
    assert [p for p, _ in first] == [p for p, _ in second]
    for (path, a), (_, b) in zip(first, second, strict=True):
        if isinstance(a, torch.Tensor):
            assert a.dtype == b.dtype, path
            assert a.shape == b.shape, path
            assert torch.equal(a.nan_to_num(1.25e9), b.nan_to_num(1.25e9)) if a.is_floating_point() else torch.equal(a, b), path
        elif isinstance(a, float) and math.isnan(a):
            assert math.isnan(b), path
        else:
            assert a == b, path


def test_config_is_a_value(module):
    config = module.Config
    assert issubclass(config, Scene)
    assert config() == config()
    assert hash(config()) == hash(config())
    with pytest.raises(dataclasses.FrozenInstanceError):
        config().seed = 1
    with pytest.raises(TypeError):
        config(0)
    for name, control in config.controls().items():
        assert control.label, name
        assert control.label[0].isupper() or not control.label[0].isalpha() or control.label[0] in "εαβγλκμσρτ", name


def outside(control: Control) -> list[Any]:
    """Values that the field must refuse."""
    match control:
        case Number():
            return [control.low - 10 * control.step, control.high + 10 * control.step, control.low + control.step / 3,
                    float("nan"), float("inf"), "1", None, True]
        case Grid():
            return [control.values[0] / 3 - 1, control.values[-1] * 3 + 1, float("nan"), "1", None]
        case Choice():
            return ["no such option", 3, None]
        case Choices():
            return [("no such option",), "a", None, tuple(reversed(control.options)), (next(iter(control.options)),) * 2]
        case Switch():
            return [1, "yes", None]
        case Numbers():
            return [(), (control.high + 1,) * control.least, (float("nan"),) * control.least, (0.0,) * (control.most + 1), "1"]
        case Points():
            return [((-1, 0, 0),) * control.most, ((LEVELS, 0, 0),) * control.most, ((0, 0, control.classes),) * control.most,
                    ((0, 0),) * control.most, ((0, 0, 0),) * (control.most + 1), "1", None]
        case Asset():
            return ["no digest", None, 3, "A" * 32]
    raise TypeError(type(control))


def test_config_refuses_by_name(module):
    for name, control in module.Config.controls().items():
        for value in outside(control):
            with pytest.raises(InvalidValue, match=name) as refusal:
                module.Config(**{name: value})
            assert refusal.value.field == name


def test_links_round_trip_and_survive_garbage(module):
    config = module.Config
    assert lesson.scene_from_query(config, {}) == (config(), [])
    for name, control in config.controls().items():
        for value in control.edges():
            try:
                scene = config(**{name: value})
            except InvalidValue:
                continue  # a rule between fields; reading such a link is tested below
            assert lesson.scene_from_query(config, scene.query()) == (scene, [])
        for text in BAD_TEXT:
            scene, notes = lesson.scene_from_query(config, {name: text})
            assert isinstance(scene, config)
            assert notes or control.parse(text) == getattr(scene, name), (name, text)
            assert all(len(note) < 400 for note in notes)
    scene, notes = lesson.scene_from_query(config, dict.fromkeys(config.controls(), "nan") | {"nonsense": "1"})
    assert isinstance(scene, config)
    assert any("nonsense" in note for note in notes)


def test_defaults_stay_as_they_are(entry, module):
    """Links leave them out: another default would open a link that somebody has kept at another scene."""
    defaults = {name: control.write(getattr(module.Config(), name)) for name, control in module.Config.controls().items()}
    kept = json.loads((Path(__file__).parent / "defaults.json").read_text()).get(entry.slug, {})
    assert {name: defaults.get(name) for name in kept} == kept
    assert set(kept) == set(defaults), "a new field, whose default is to be written down in defaults.json"


def test_view_fields_do_not_change_the_run(entry, module):
    """`steps` reads none of them; `test_scenes.py` asks the same of scenes by chance."""
    assert_same(module.run(blind(module.Config())), opening(entry.slug)[-1])
    for name, control in module.Config.controls().items():
        for value in control.edges() if control.view else ():
            try:
                scene = module.Config(**{name: value})
            except InvalidValue:
                continue
            assert scene.trained() == module.Config(), "drawn from the opening run, which must be whole without the field"


def test_run_is_pure(entry, module):
    results = opening(entry.slug)
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    state = torch.get_rng_state()
    torch.rand(3)
    alone = torch.get_rng_state()
    torch.set_rng_state(state)
    other: list[Any] = []
    worker = threading.Thread(target=lambda: other.append(module.run(module.Config())))
    # Another session that draws from the process-wide generator must not matter.
    worker.start()
    torch.rand(3)
    worker.join()
    assert other, "the run failed in another thread"
    assert_same(results[-1], other[0])
    assert torch.equal(torch.get_rng_state(), alone), "the run draws from the process-wide generator"
    assert (torch.get_num_threads(), torch.get_default_dtype()) == (threads, dtype)


def test_results_are_plain_data(entry, module):
    for result in opening(entry.slug):
        assert isinstance(result, module.Result)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(result, dataclasses.fields(result)[0].name, None)
        for path, value in leaves(result):
            assert isinstance(value, (torch.Tensor, int, float, str, bool, type(None))) or dataclasses.is_dataclass(value), path
            if isinstance(value, torch.Tensor):
                assert value.device.type == "cpu", path
                assert not value.requires_grad, path


@pytest.fixture
def seeded(monkeypatch) -> list[torch.Generator]:
    """Every generator of random numbers that a run makes."""
    made: list[torch.Generator] = []

    class Watched(torch.Generator):
        def manual_seed(self, seed: int) -> torch.Generator:
            made.append(self)
            return super().manual_seed(seed)

    for name, module in list(sys.modules.items()):
        if name.startswith("core.") and getattr(module, "Generator", None) is torch.Generator:
            monkeypatch.setattr(module, "Generator", Watched)
    return made


def test_every_random_draw_starts_from_the_seed(module, seeded):
    def run(seed: int) -> tuple[Any, set[int]]:
        """The result, and the seeds of the generators that something was drawn from."""
        seeded.clear()
        result = module.run(module.Config(seed=seed))
        fresh = torch.Generator()
        return result, {g.initial_seed() for g in seeded
                        if not torch.equal(g.get_state(), fresh.manual_seed(g.initial_seed()).get_state())}

    (one, first), (other, second) = run(3), run(400)
    assert first, "nothing was drawn by chance"
    assert not first & second, "a stream of random numbers is the same at every seed"
    moved = [not torch.equal(a.nan_to_num(0.0), b.nan_to_num(0.0))
             for (_, a), (_, b) in zip(leaves(one), leaves(other), strict=False)
             if isinstance(a, torch.Tensor) and a.is_floating_point() and a.shape == b.shape]
    assert any(moved), "no number of the result depends on the seed"


def boards(entry):
    page, scene = page_spec(entry.slug), opening_scene(entry.slug)
    results = opening(entry.slug)
    return page, scene, [page.draw(results[0], scene), board_of(entry.slug, scene)]


def test_boards(entry):
    state = torch.get_rng_state()
    page, scene, drawn = boards(entry)
    assert torch.equal(torch.get_rng_state(), state), "drawing must not use random numbers"
    known = {c.upper() for c in style.dark_colours()}
    for board in drawn:
        ids = [p.id for p in panels(board)]
        assert len(set(ids)) == len(ids)
        assert board.panels[0].height == "tall"
        assert board.setup, "the question needs its set-up: the data, the axes or the net"
        assert len(board.summary) > 20
        encoded = encode(board)
        assert b'"template"' not in text_of(encoded)
        assert encoded.size < LARGEST_BOARD
        for panel in panels(board):
            assert panel.alt, panel.id
            assert panel.caption or panel.title, panel.id
            check_axes(panel)
            check_valid(panel)
            alone = text_of(encode(Board(panels=[panel]))).decode()
            foreign = {h.upper() for h in re.findall(r'"(#[0-9A-Fa-f]{6})"', alone)} - known
            assert not foreign, f"{panel.id}: colours that have no dark partner: {foreign}"
        if encoded.field:
            control = scene.controls()[encoded.field]
            assert control.hidden
            assert control.view
    again = page.draw(opening(entry.slug)[-1], scene)
    assert encode(again).digest == encode(drawn[-1]).digest, "the same result must give the same picture"


def check_valid(panel) -> None:
    """Drawing skips Plotly's check of every property; here it is made."""
    if isinstance(panel.figure, go.Figure):  # the other kinds check themselves when they are made
        go.Figure(panel.figure.to_dict())


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else []


def check_axes(panel) -> None:
    if not isinstance(panel.figure, go.Figure):
        return
    figure = json.loads(panel.figure.to_json())
    plane = [t for t in figure["data"] if t["type"] in ("scatter", "bar", "contour", "heatmap", "histogram", "violin", "box")]
    used = {(t.get("xaxis", "x"), t.get("yaxis", "y")) for t in plane}
    for pair in used:
        for axis in pair:
            about = figure["layout"].get(f"{axis[0]}axis{axis[1:]}", {})
            shared = about.get("matches") or about.get("showticklabels") is False or about.get("visible") is False
            # Where the ticks are names, they say themselves what the axis is.
            named = about.get("ticktext") or any(isinstance(v, str) for t in plane for v in _listed(t.get(axis[0])))
            assert shared or named or about.get("title", {}).get("text"), f"{panel.id}: {axis} has no title"


def test_presets(entry, module):
    page = page_spec(entry.slug)
    assert len(page.presets) >= 3
    assert len({p.name for p in page.presets}) == len(page.presets)
    for preset in page.presets:
        assert preset.why
        module.Config(**preset.values)
    assert page.maths
