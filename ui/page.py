"""The anatomy of a lesson's page: claim, question, presets, picture beside controls, what was seen, the words.

A page file says what is drawn and what is said; everything else happens here, once for all lessons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core import catalogue
from core.controls import Choice, Grid, Number, Numbers
from core.drawings import Asset
from core.lesson import Scene
from ui import asset_store, chart, compat, controls, explanation, lecture, questions, runner, shell, turns


@dataclass(frozen=True)
class Preset:
    """A scene worth seeing, good or bad."""

    name: str
    why: str  # one should look
    values: Mapping[str, Any] = field(default_factory=dict)  # the fields that differ from the defaults


def show(slug: str, draw: runner.Draw, *, presets: Sequence[Preset] = (), maths: str = "",
         code: Sequence[Any] = (), symbols: Mapping[str, str] | None = None, references: str = "",
         linked: bool = False) -> None:
    """One whole lesson page.

    The page opens with the first of the presets; a link that names a field opens at the defaults of all others.
    draw(result, scene) -> Board is pure: it is called once for a scene and its bytes are kept.
    maths is Markdown with LaTeX, shown beside the source of `code`, the functions that do what it says, and the
    `symbols`, each with the name it has there; references is Markdown. linked: a picture or a caption has links to lessons,
    <a href="slug">, which go through the app's own.
    """
    shell.require_router()
    entry = catalogue.lesson(slug)
    module = entry.module()
    scenes = [(preset, _scene_of(module.Config, tuple(preset.values.items()))) for preset in presets]
    one = Page(entry, module, draw, scenes)
    controls.load_scene_from_url(slug, module.Config, one.opening)
    if not lecture.is_active():
        st.markdown(f"## {entry.title}\n{entry.question}")
    _scene(one)
    if lecture.is_active() or linked:
        shell.hidden_links()
    if lecture.is_active():
        return
    questions.challenge(slug, module)
    if maths:
        explanation.maths_and_code(maths, code, symbols or {})
    explanation.example(slug)
    if references:
        with st.expander("References", icon=":material/menu_book:"):
            st.markdown(references)


# A page's presets are the same in every run of it, and their checks and links a tenth of its own time.
@lru_cache(maxsize=512)
def _scene_of(config: type[Scene], values: tuple[tuple[str, Any], ...]) -> Scene:
    return config(**dict(values))


@lru_cache(maxsize=512)
def _link(scene: Scene, opening: Scene, present: bool) -> str:
    return "?" + urlencode(controls.link(scene, opening) | ({controls.PRESENT: "1"} if present else {}))


@dataclass(frozen=True)
class Page:
    """What the parts of one page have in common."""

    entry: catalogue.Lesson
    module: Any
    draw: runner.Draw
    presets: Sequence[tuple[Preset, Scene]]

    @property
    def slug(self) -> str:
        return self.entry.slug

    @property
    def opening(self) -> Scene:
        """What a link that names no field shows."""
        return self.presets[0][1] if self.presets else self.module.Config()


@st.fragment
def _scene(page: Page) -> None:
    """Picture and controls. A fragment, so that a moved slider does not send the words round it again.

    The picture goes first over the wire and is painted while the browser still sets up the widgets.
    """
    slug = page.slug
    lecture.leave_where_asked()
    scene = controls.current_scene(slug, page.module.Config)
    with st.container(key="scene"):
        picture, controls_column = st.columns([0.72, 0.28], gap="medium")
    with picture, st.container(key="picture"):
        _picture(page, scene)
    turns.shared().let_pictures_pass(compat.wait_until_sent)
    with controls_column, st.container(key="controls"):
        _controls(slug, scene)
    controls.write_url(scene, page.opening, controls.pinned_scene(slug), controls.shows_further(slug))
    if not turns.shared().has_one():
        compat.wait_until_sent()  # the run of a whole page does so at its end, see app.py


MAIN = 2  # controls that stand right below the first picture on a phone


def _controls(slug: str, scene: Scene) -> None:
    fields = scene.controls()
    first = [(n, c) for n, c in fields.items() if not c.more and not c.hidden and scene.matters(n)]
    with st.container(key="main-controls"):
        controls.draw_widgets(slug, scene, dict(first[:MAIN]))
    with st.container():  # a part of the page that moves up when controls go is closed by the browser
        controls.draw_widgets(slug, scene, dict(first[MAIN:]))
    more = {n: c for n, c in fields.items() if c.more}
    if any(not c.hidden for c in more.values()):
        with st.expander("More", icon=":material/tune:"):
            controls.draw_widgets(slug, scene, more)


def _picture(page: Page, scene: Scene) -> None:
    """The board of the scene; while its run is under way, again and again with what there is so far."""
    first = [_boards(page, scene)]
    done = first[0].done

    def mount() -> None:
        boards = first.pop() if first else _boards(page, scene)
        board, slug = boards.now, page.slug
        if not done and (boards.done or controls.current_scene(slug, page.module.Config) != scene):
            compat.rerun()  # the whole picture is drawn by the next run; drawn here, it would be thrown away by its beginning
        about = _browser_data(page, scene, boards)
        start = getattr(scene, board.field) if board.field else None
        chart.show(board, key=f"{slug}:board", scene=urlencode(controls.link(scene, page.opening)), live=not boards.done,
                   start=start, about=about, beside=boards.kept, on_event=lambda event: _handle_event(page, board, event))
        with st.container(key="summary"):
            st.markdown(board.summary)

    compat.refresh_until_done(mount, done)


@dataclass(frozen=True)
class _Boards:
    """The board of the scene and, where the reader compares, that of the kept scene."""

    now: chart.Encoded
    kept: chart.Encoded | None
    done: bool


def _boards(page: Page, scene: Scene) -> _Boards:
    further = controls.shows_further(page.slug)
    board, done = runner.board_of(page.slug, page.module, scene, page.draw, further=further)
    other = controls.pinned_scene(page.slug)
    if other is None:
        return _Boards(board, None, done)
    kept, complete = runner.board_of(page.slug, page.module, other, page.draw, slot="run of the kept scene", further=further)
    return _Boards(board, kept, done and complete)


def _browser_data(page: Page, scene: Scene, boards: _Boards) -> dict[str, Any]:
    """What the browser is told besides the pictures."""
    slug, question = page.slug, boards.now.question
    other = controls.pinned_scene(slug)
    return {
        "slug": slug, "question": questions.browser_data(question), "ask_first": st.session_state.get(f"ask_first:{slug}", False),
        "notices": controls.warnings(slug), "session": compat.session_name(),
        "verdict": questions.judge(slug, scene, question, live=not boards.done),
        "solved": bool(st.session_state.get(f"solved:{slug}")),
        "presets": [{"name": preset.name, "why": preset.why, "current": there == scene,
                     "query": _link(there, page.opening, lecture.is_active())} for preset, there in page.presets],
        "comparison": controls.describe_difference(other, scene) if other else None,
        # Who scans the code of the opening scene is asked first, as everybody who comes by.
        "lecture": lecture.browser_data(page.entry, {} if scene == page.opening else controls.link(scene)),
    }


def _handle_event(page: Page, board: chart.Encoded, event: dict[str, Any]) -> None:
    slug = page.slug
    scene = st.session_state[f"scene:{slug}"]
    # None where the browser still showed an older board when it was touched.
    fields = board.all_fields.get(event["event"], {}).get(event.get("panel"), ())
    match event["event"]:
        case "click":
            _handle_click(slug, scene, fields, *event["place"])
        case "shift":
            _handle_click(slug, scene, fields, *event["shift"])
        case "drawn" if fields:
            _handle_drawing(slug, scene, *fields, event["drawing"])
        case "frame" if board.field:
            controls.set_fields(slug, **{board.field: int(event["frame"])})
        case "guess":
            questions.record_guess(slug, scene, event)
        case "preset":
            controls.set_scene(slug, next(there for preset, there in page.presets if preset.name == event["name"]))
        case "further":
            controls.show_further(slug, bool(event["open"]))
        case "pin":
            _compare(page, scene)
        case "leave":
            st.session_state["leave"] = True


def _compare(page: Page, scene: Scene) -> None:
    """Begins a comparison of this scene with the next preset, or ends the one that is under way."""
    if controls.pinned_scene(page.slug):
        return controls.pin_scene(page.slug, None)
    controls.pin_scene(page.slug, scene)
    presets = [there for _, there in page.presets]
    if following := [there for there in presets[presets.index(scene) + 1 :] if there != scene] if scene in presets else presets:
        controls.set_scene(page.slug, following[0])


def _handle_click(slug: str, scene: Scene, fields: tuple[str, ...], *place: float) -> None:
    asked: dict[str, Any] = {}
    for name, value in zip(fields, place, strict=False):
        if not name:
            continue
        control = scene.controls()[name]
        if isinstance(control, Numbers):
            # A click on a list of numbers moves the nearest of them.
            items = list(getattr(scene, name))
            index = min(range(len(items)), key=lambda i: abs(items[i] - value))
            items[index] = min(max(round(value, 2), control.low), control.high)
            asked[name] = tuple(items)
        elif isinstance(control, Choice):
            asked[name] = list(control.options)[int(value)]
        elif isinstance(control, (Number, Grid)):
            asked[name] = control.nearest(float(value))
    controls.set_fields(slug, **asked)


def _handle_drawing(slug: str, scene: Scene, field: str, drawing: Any) -> None:
    """Puts what a reader has drawn into its field; as an asset where it is too large for a link."""
    control = scene.controls()[field]
    try:
        if isinstance(control, Asset):
            drawing = asset_store.store().put(control.pack(drawing), compat.session_id())
        controls.set_fields(slug, **{field: control.nearest(drawing)})
    except ValueError as error:
        controls.warn(slug, f"{control.label}: {error}.")
