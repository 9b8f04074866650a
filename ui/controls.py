"""Widgets made from a Config's fields, and the link that carries them.

The link is read when the reader arrives at a page, or goes back or forward in the browser; from then on the
widgets say what the scene is and the link follows them. A scene is remembered for the session, so leaving a
page and coming back changes nothing.
"""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core import lesson
from core.lesson import Choice, Choices, Control, Grid, Number, Numbers, Scene, Switch

PRESENT = "present"  # the one parameter of a link that belongs to the page, not to the scene


def key(slug: str, field: str) -> str:
    return f"{slug}:{field}"


def assign(slug: str, **values: Any) -> None:
    """Sets fields of the scene, for callbacks: presets, clicks, the player."""
    for field, value in values.items():
        st.session_state[key(slug, field)] = value


def arrive(slug: str, config: type[Scene]) -> None:
    """Sets the widgets from the link when the reader has just come to the page, or from the session's last scene."""
    state = st.session_state
    context = get_script_run_ctx()
    travelled = bool(getattr(context, "is_history_navigation", False))
    if state.get("page") == slug and not travelled:
        return
    query = {name: text for name, text in st.query_params.to_dict().items() if name != PRESENT}
    remembered = state.get(f"scene:{slug}")
    if query or travelled or remembered is None:
        scene, notes = lesson.read(config, query)
    else:
        scene, notes = remembered, []
    state["page"], state[f"scene:{slug}"], state[f"notes:{slug}"] = slug, scene, notes
    for name in config.controls():
        state[key(slug, name)] = to_widget(config.controls()[name], getattr(scene, name))


def current(slug: str, config: type[Scene]) -> Scene:
    """The scene as the widgets and callbacks have it now; the last one stands in where they say nothing valid."""
    before: Scene = st.session_state[f"scene:{slug}"]
    values, notes = {}, []
    for name, control in config.controls().items():
        was = getattr(before, name)
        raw = st.session_state.get(key(slug, name), to_widget(control, was))
        try:
            value = _from_widget(control, raw)
            control.check(value)
        except ValueError as error:
            notes.append(f"{control.label} {error}; {control.write(was)} is still in use.")
            value = was
        values[name] = value
    try:
        scene = config(**values)
    except lesson.Refused as error:
        notes.append(f"{error}; the last valid scene is still shown.")
        scene = before
    if scene != before or notes:
        st.session_state[f"notes:{slug}"] = notes
    st.session_state[f"scene:{slug}"] = scene
    return scene


def link(scene: Scene) -> None:
    """Writes the scene into the browser's address."""
    query = scene.query()
    if PRESENT in st.query_params:
        query[PRESENT] = st.query_params[PRESENT]
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def notes(slug: str) -> list[str]:
    """What was wrong with the last link or edit, a sentence each."""
    return st.session_state.get(f"notes:{slug}", [])


def draw(slug: str, scene: Scene, fields: dict[str, Control]) -> None:
    """One widget for each field that matters in the scene."""
    for name, control in fields.items():
        if control.hidden or not scene.matters(name):
            continue
        widget_key = key(slug, name)
        if widget_key not in st.session_state:
            st.session_state[widget_key] = to_widget(control, getattr(scene, name))
        _widget(control, widget_key)


def _widget(control: Control, widget_key: str) -> None:
    label = f"{control.label} ({control.unit})" if control.unit else control.label
    about: dict[str, Any] = {"label": label, "key": widget_key, "help": control.help or None}
    match control:
        case Number(whole=True):
            st.slider(min_value=int(control.low), max_value=int(control.high), step=int(control.step), **about)
        case Number():
            digits = max(0, len(f"{control.step:.10f}".rstrip("0").split(".")[1]))
            st.slider(min_value=float(control.low), max_value=float(control.nearest(control.high)),
                      step=float(control.step), format=f"%.{digits}f", **about)
        case Grid():
            st.select_slider(options=control.values, format_func=lambda v: f"{v:g}", **about)
        case Choice() if len(control.options) <= 3 and sum(map(len, control.options.values())) <= 34:
            st.segmented_control(options=list(control.options), format_func=control.options.__getitem__,
                                 required=True, **about)
        case Choice():
            st.selectbox(options=list(control.options), format_func=control.options.__getitem__, **about)
        case Choices():
            st.pills(options=list(control.options), format_func=control.options.__getitem__,
                     selection_mode="multi", **about)
        case Switch():
            st.toggle(**about)
        case Numbers():
            st.text_input(**about)
        case _:
            raise TypeError(f"no widget for {type(control).__name__}")


def to_widget(control: Control, value: Any) -> Any:
    if isinstance(control, Numbers):
        return ", ".join(f"{v:g}" for v in value)
    if isinstance(control, Choices):
        return list(value)
    if isinstance(control, Number) and not control.whole:
        return float(value)
    return value


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
