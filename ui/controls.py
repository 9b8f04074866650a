"""Widgets made from a Config's fields, and the link that carries them.

The scene of a page is kept in the session. The link is read when the reader arrives at the page, or goes back or
forward in the browser; from then on the widgets say what the scene is, and the link follows.

A widget is only ever moved by the reader. Where the program sets a field (a link, a preset, a click), the field's
widget gets a new key and so starts afresh from the scene. Assigning to the state of a living widget instead is told
to the browser once, and is lost when another run overtakes that one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from core import lesson
from core.controls import Choice, Choices, Control, Grid, InvalidValue, Number, Numbers, Switch
from core.drawings import Asset
from core.lesson import Scene
from core.uploads import PointsForm
from ui import asset_store, compat, uploads

# The parameters of a link that belong to the page, not to the scene: lecture mode, the scene to compare with, and whether the
# further pictures are drawn.
PRESENT, BESIDE, FURTHER = OF_THE_PAGE = "present", "beside", "further"
SWITCHES = {PRESENT: "Lecture mode is present=1", FURTHER: "A page with its further pictures is further=1"}


def current_widget_key(slug: str, field: str) -> str:
    """The key of the widget that the field has now."""
    return f"{slug}:{field}:{st.session_state.get(f'versions:{slug}', {}).get(field, 0)}"


def set_scene(slug: str, scene: Scene) -> None:
    """Makes `scene` the scene of the page, for links, presets, clicks and the player."""
    state = st.session_state
    before = state.get(f"scene:{slug}")
    versions = dict(state.get(f"versions:{slug}", {}))
    for name in scene.controls():
        if before is None or getattr(before, name) != getattr(scene, name):
            versions[name] = versions.get(name, 0) + 1
    state[f"scene:{slug}"], state[f"versions:{slug}"], state[f"notes:{slug}"] = scene, versions, []


def set_fields(slug: str, **values: Any) -> None:
    """Sets some fields of the scene; where they do not go together, says so and leaves it as it is."""
    scene = st.session_state[f"scene:{slug}"]
    try:
        set_scene(slug, dataclasses.replace(scene, **values))
    except InvalidValue as error:
        warn(slug, f"{scene.controls()[error.field].label}: {error}.")


def is_open(slug: str) -> bool:
    """Whether the page was what this session's last run of a page showed."""
    return st.session_state.get("page") == slug


def load_scene_from_url(slug: str, config: type[Scene], opening: Scene) -> None:
    """Takes the scene from the link when the reader has just come to the page; `opening` where the link names none."""
    state = st.session_state
    travelled = compat.is_history_navigation()
    if is_open(slug) and not travelled:
        return
    state["page"], state["sent"] = slug, None
    asked = st.query_params.to_dict()
    query = {name: text for name, text in asked.items() if name not in OF_THE_PAGE}
    named = _names_a_field(config, asked)
    # A link that names a scene shows it; a reader who just comes by is asked first.
    state[f"ask_first:{slug}"] = not named
    if asked or travelled or f"scene:{slug}" not in state:
        notes: list[str] = []
        if query or travelled or f"scene:{slug}" not in state:
            scene, notes = _read(config, query)
            set_scene(slug, scene if named else opening)
            pin_scene(slug, None)
        if BESIDE in asked:
            kept, more = _read(config, dict(parse_qsl(asked[BESIDE])))
            pin_scene(slug, kept)
            notes += [f"Of the scene to compare with: {note}" for note in more]
        notes += [f"{what}, not “{asked[name][:40]}”; the page is shown without it."
                  for name, what in SWITCHES.items() if asked.get(name, "1") != "1"]
        if query or travelled or FURTHER in asked:
            show_further(slug, asked.get(FURTHER) == "1")
        state[f"notes:{slug}"] = notes


def _names_a_field(config: type[Scene], query: Mapping[str, str]) -> bool:
    return bool(config.controls().keys() & query.keys())


def _read(config: type[Scene], query: Mapping[str, str]) -> tuple[Scene, list[str]]:
    scene, notes = lesson.scene_from_query(config, query)
    scene, gone = without_lost_assets(scene)
    return scene, notes + gone


def without_lost_assets(scene: Scene) -> tuple[Scene, list[str]]:
    """The scene with the default in the place of each asset that is not here any more, and a sentence for each."""
    lost = {name: control for name, control in scene.controls().items()
            if isinstance(control, Asset) and getattr(scene, name) and not _is_here(control, getattr(scene, name))}
    notes = [f"{control.label}: what was drawn or uploaded is not in the link, and the server that kept it for a while has it no "
             "more; the default is used instead." for control in lost.values()]
    return (dataclasses.replace(scene, **dict.fromkeys(lost, "")) if lost else scene), notes


def _is_here(control: Asset, digest: str) -> bool:
    owner = compat.session_id() if control.uploaded else None
    return asset_store.store().get(digest, owner) is not None


def current_scene(slug: str, config: type[Scene]) -> Scene:
    """The scene as the widgets have it now; the last one stands in where they say nothing valid."""
    state = st.session_state
    before: Scene = state[f"scene:{slug}"]
    values, notes = {}, []
    for name, control in config.controls().items():
        was = getattr(before, name)
        values[name] = was
        if current_widget_key(slug, name) in state and not isinstance(control, Asset):
            try:
                value = _from_widget(control, state[current_widget_key(slug, name)])
                control.check(value)
                values[name] = value
            except ValueError as error:
                notes.append(f"{control.label} {error}; still in use: {control.format_value(was)}.")
    try:
        scene = config(**values)
    except InvalidValue as error:
        notes.append(f"{config.controls()[error.field].label}: {error}; the last valid scene is still shown.")
        scene = before
    held = bool(notes)
    scene, lost = without_lost_assets(scene)
    notes += lost
    wrong = f"wrong:{slug}"  # whether the notes are of what the widgets hold, and go when it has been put right
    if scene != before or notes or state.get(wrong):
        state[f"notes:{slug}"], state[wrong] = notes, held
    state[f"scene:{slug}"] = scene
    return scene


def pin_scene(slug: str, scene: Scene | None) -> None:
    """Keeps a scene to be compared with; None ends it."""
    st.session_state[f"pinned:{slug}"] = scene


def pinned_scene(slug: str) -> Scene | None:
    """The scene that the reader compares with."""
    return st.session_state.get(f"pinned:{slug}")


def show_further(slug: str, shown: bool) -> None:
    """Draws the further pictures of the page from now on, or folds them away."""
    st.session_state[f"further:{slug}"] = shown


def shows_further(slug: str) -> bool:
    """Whether the reader has asked for the further pictures of the page."""
    return st.session_state.get(f"further:{slug}", False)


def describe_difference(kept: Scene, scene: Scene) -> str:
    """In words, what tells the two scenes apart."""
    fields = [(control, getattr(kept, name), getattr(scene, name)) for name, control in scene.controls().items()]
    fields = [(control, a, b) for control, a, b in fields if a != b]
    if not fields:
        return "A is this scene as it was kept; move a control and B follows."
    return "; ".join(f"{c.label}: A {c.format_value(a)}, B {c.format_value(b)}" for c, a, b in fields) + "."


def link(scene: Scene, opening: Scene | None = None) -> dict[str, str]:
    """The query that opens a scene; that of the defaults names its seed, since one without a field opens at `opening`."""
    return scene.query() or ({} if scene == opening else {"seed": scene.controls()["seed"].write(scene.seed)})


def _says(asked: Mapping[str, str], scene: Scene, kept: Scene | None, further: bool) -> bool:
    """Whether an address stands for this scene, this one to compare with and these pictures, and for nothing else."""
    fields = {name: text for name, text in asked.items() if name not in OF_THE_PAGE}
    beside = _read(type(scene), dict(parse_qsl(asked[BESIDE]))) if BESIDE in asked else (None, [])
    return (_names_a_field(type(scene), asked) and _read(type(scene), fields) == (scene, []) and beside == (kept, [])
            and all(asked.get(name, "1") == "1" for name in SWITCHES) and (FURTHER in asked) == further)


def write_url(scene: Scene, opening: Scene, kept: Scene | None = None, further: bool = False) -> None:
    """Writes the scene, the one it is compared with and whether further pictures are drawn into the browser's address."""
    asked, sent = st.query_params.to_dict(), st.session_state.get("sent")
    # An address that names no field shows the opening scene as it is; to write it out would take the way back from the reader.
    bare = not _names_a_field(type(scene), asked if sent is None else sent)
    query = {} if bare and scene == opening else link(scene, opening)
    if kept is not None:
        query[BESIDE] = urlencode(link(kept))
    if further:
        query[FURTHER] = "1"
    if asked.get(PRESENT) == "1":
        query[PRESENT] = "1"
    # Under fast hands the address that the browser told us may be older than the last one that it was sent. One that was opened
    # and says the same in other words stays: each that is written is one more step for who wants to go back.
    if sent not in (None, query) or (asked != query and not (sent is None and _says(asked, scene, kept, further))):
        st.query_params.from_dict(query)
        st.session_state["sent"] = query


def warn(slug: str, note: str, besides: bool = False) -> None:
    """Says a sentence about the last edit, until the next; besides: with what has been said of it already."""
    st.session_state[f"notes:{slug}"] = [*(st.session_state.get(f"notes:{slug}", []) if besides else []), note]


def warnings(slug: str) -> list[str]:
    """What was wrong with the last link or edit, and what the link does not hold, a sentence each."""
    scene: Scene = st.session_state[f"scene:{slug}"]
    notes = list(st.session_state.get(f"notes:{slug}", []))
    for name, control in scene.controls().items():
        if not isinstance(control, Asset) or not (digest := getattr(scene, name)):
            continue
        notes += [f"{control.label}: {note}" for note in st.session_state.get(f"upload:{digest}", [])]
        kept = "which holds its name only. The server keeps it for an hour after its last use."
        notes.append(f"{control.label}: not in the link, {'and nobody else sees it.' if control.uploaded else kept}")
    return notes


def draw_widgets(slug: str, scene: Scene, fields: dict[str, Control]) -> None:
    """One widget for each field that matters in the scene."""
    # A living widget keeps the value that it started from as its default: given a newer one, it would jump back to
    # where an older run saw it while the hand has already moved on.
    starts: dict[str, tuple[str, Any]] = st.session_state.setdefault(f"starts:{slug}", {})
    for name, control in fields.items():
        if control.hidden or not scene.matters(name):
            continue
        widget_key = current_widget_key(slug, name)
        if widget_key not in st.session_state or starts.get(name, ("",))[0] != widget_key:
            starts[name] = (widget_key, getattr(scene, name))
        if isinstance(control, Asset):
            _uploader(slug, name, control, widget_key)
        else:
            _widget(control, widget_key, starts[name][1])


def _uploader(slug: str, name: str, control: Asset, widget_key: str) -> None:
    """A place for a file, which goes once it has been read; and a way back to what the lesson has."""
    read, suffixes = ((uploads.read_points, ["csv", "tsv", "txt"]) if isinstance(control.form, PointsForm) else
                      (uploads.read_picture, ["png", "jpg", "jpeg", "dcm", "dicom", "ima"]))

    def take() -> None:
        file = st.session_state[widget_key]
        if file is None:
            return
        try:
            brought, notes = read(file.getvalue())
            digest = asset_store.store().put(control.pack(brought), compat.session_id())
        except ValueError as error:
            warn(slug, f"{control.label}: {error} Nothing has changed.")
        else:
            st.session_state[f"upload:{digest}"] = notes
            set_fields(slug, **{name: digest})
        renew_widget(slug, name)

    st.file_uploader(**widget_arguments(control, widget_key), type=suffixes, on_change=take)
    if getattr(st.session_state[f"scene:{slug}"], name):
        st.button("Remove it", key=f"{widget_key}:remove", on_click=lambda: set_fields(slug, **{name: ""}))


def renew_widget(slug: str, name: str) -> None:
    """Makes the field's widget start afresh."""
    versions = st.session_state.get(f"versions:{slug}", {})
    st.session_state[f"versions:{slug}"] = versions | {name: versions.get(name, 0) + 1}


def widget_versions(slug: str) -> dict[str, int]:
    """How often each field's widget was made afresh."""
    return dict(st.session_state.get(f"versions:{slug}", {}))


def _widget(control: Control, widget_key: str, value: Any) -> None:
    about = widget_arguments(control, widget_key)
    match control:
        case Number():
            st.slider(value=int(value) if control.whole else float(value), **about, **slider_arguments(control))
        case Grid():
            st.select_slider(options=control.values, value=value, format_func=control.format_value, **about)
        case Choice() if len(control.options) <= 3 and sum(map(len, control.options.values())) <= 34:
            st.segmented_control(options=list(control.options), default=value, format_func=control.options.__getitem__,
                                 required=True, **about)
        case Choice():
            names = list(control.options)
            st.selectbox(options=names, index=names.index(value), format_func=control.options.__getitem__, **about)
        case Choices():
            st.pills(options=list(control.options), default=list(value), format_func=control.options.__getitem__,
                     selection_mode="multi", **about)
        case Switch():
            st.toggle(value=value, **about)
        case Numbers():
            st.text_input(value=control.write(value).replace(",", ", "), **about)
        case _:
            raise TypeError(f"no widget for {type(control).__name__}")


def widget_arguments(control: Control, widget_key: str) -> dict[str, Any]:
    """What every widget of a control has."""
    label = f"{control.label} ({control.unit})" if control.unit else control.label
    return {"label": label, "key": widget_key, "help": control.help or None}


def slider_arguments(control: Number) -> dict[str, Any]:
    """Bounds, step and form of a number, whole numbers as such."""
    kind = int if control.whole else float
    form = "%d" if control.whole else f"%.{len(f'{control.step:.10f}'.rstrip('0').split('.')[1])}f"
    return {"min_value": kind(control.low), "max_value": kind(control.nearest(control.high)), "step": kind(control.step),
            "format": form}


def _from_widget(control: Control, raw: Any) -> Any:
    if isinstance(control, Numbers):
        try:
            return tuple(float(item) for item in str(raw).replace(";", ",").split(",") if item.strip())
        except ValueError:
            raise ValueError("must be numbers with commas between them") from None
    if isinstance(control, Choices):
        return tuple(name for name in control.options if name in (raw or ()))
    if isinstance(control, Grid):
        return control.nearest(raw)
    if isinstance(control, Number) and not control.whole:
        # A slider hands back 0.30000000000000004; the scene holds 0.3.
        return control.nearest(raw)
    return raw
