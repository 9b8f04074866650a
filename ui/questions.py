"""Predict and challenge on a page: what the browser is told of a question, and how answers are judged."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.controls import Grid, InvalidValue, Number
from core.lesson import Scene
from core.question import Amount, Challenge, Pick, Question, Sketch, Verdict
from ui import compat, controls, runner


def browser_data(question: Question | None) -> dict[str, Any] | None:
    """The question for `ui/chart/question.js`: everything but the answer."""
    match question:
        case Pick():
            return {"kind": "pick", "text": question.text, "options": list(question.options.items())}
        case Amount():
            return {"kind": "amount", "text": question.text, "low": question.low, "high": question.high,
                    "step": question.step, "unit": question.unit, "ratio": question.ratio}
        case Sketch():
            return {"kind": "sketch", "text": question.text, "x": question.x, "low": question.low, "high": question.high,
                    "x_title": question.x_title, "y_title": question.y_title}
    return None


def judge(slug: str, scene: Scene, question: Question | None, live: bool) -> dict[str, Any] | None:
    """The verdict on the last guess, which is judged once, from the finished run of the scene it was made for."""
    key = f"guess:{slug}"
    made = st.session_state.get(key)
    if made is None:
        return None
    if made["scene"] != scene:
        del st.session_state[key]
        return None
    if "verdict" not in made:
        if live or question is None:
            return None
        try:
            verdict = question.judge(made["guess"])
        except ValueError:
            del st.session_state[key]
            return None
        made["verdict"] = {"right": verdict.right, "words": verdict.words, "at": made["at"],
                           "truth": list(question.y) if isinstance(question, Sketch) else None}
    return made["verdict"]


def record_guess(slug: str, scene: Scene, event: dict[str, Any]) -> None:
    st.session_state[f"guess:{slug}"] = {"guess": event.get("guess"), "at": event.get("at"), "scene": scene}


def challenge(slug: str, module: Any) -> None:
    """The lesson's challenge. A fragment of its own: typing in it moves no picture."""
    if hasattr(module, "CHALLENGE"):
        _challenge(slug, module, module.CHALLENGE)


@st.fragment
def _challenge(slug: str, module: Any, challenge: Challenge) -> None:
    with st.expander("Challenge", icon=":material/flag:"):
        st.markdown(challenge.text)
        answer = _answer(slug, challenge)
        start, check, _ = st.columns([0.25, 0.2, 0.55], vertical_alignment="bottom")
        if challenge.scene and start.button("Set the scene", key=f"{slug}:challenge:start"):
            controls.set_scene(slug, module.Config(**challenge.scene))
            compat.rerun()
        if check.button("Check", key=f"{slug}:challenge:check", type="primary"):
            verdict = _check(slug, module, challenge, answer)
            if verdict.right:
                st.session_state[f"solved:{slug}"] = verdict.words
                compat.rerun()  # the board tells the browser, which keeps the progress
            st.info(verdict.words, icon=":material/replay:")
        elif words := st.session_state.get(f"solved:{slug}"):
            st.success(words, icon=":material/check:")


def _answer(slug: str, challenge: Challenge) -> Any:
    control = challenge.answer
    if control is None:
        return None
    about = controls.widget_arguments(control, f"{slug}:challenge:answer")
    if isinstance(control, Number):
        return st.number_input(value=None, **about, **controls.slider_arguments(control))
    if isinstance(control, Grid):
        return st.select_slider(options=control.values, **about)
    raise TypeError(f"no widget for an answer of kind {type(control).__name__}")


def _check(slug: str, module: Any, challenge: Challenge, answer: Any) -> Verdict:
    if challenge.answer is not None and answer is None:
        return Verdict(False, "Type an answer first.")
    scene = st.session_state[f"scene:{slug}"]
    try:
        return challenge.check(runner.wait_for_result(slug, module, scene), scene, answer)
    except (InvalidValue, ValueError) as error:
        return Verdict(False, f"That cannot be checked: {error}.")
    except Exception:
        runner.LOG.exception("%s: the challenge of %s failed", slug, scene)
        return Verdict(False, "This scene cannot be checked. The fault has been noted.")
