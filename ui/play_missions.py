"""The playground's missions: one is chosen and begun, and judged at every picture. The session remembers what is solved."""

from __future__ import annotations

import streamlit as st

from core.playground.missions import MISSIONS, Attempt
from core.playground.view import View
from ui.play_state import SLUG, Play, begin, button, current


def missions(play: Play) -> None:
    """A mission is chosen, read and begun."""
    with st.expander(f"Missions, {len(play.solved)} of {len(MISSIONS)} solved", icon=":material/flag:", key=f"{SLUG}:missions"):
        chosen = st.selectbox("Mission", list(MISSIONS), format_func=lambda name: _named(play, name), key=f"{SLUG}:mission",
                              help="What is solved is remembered until the page is loaded again.")
        st.markdown(MISSIONS[chosen].task)
        with st.container(horizontal=True, gap="xsmall"):
            button("Begin", lambda: _begin(chosen), icon=":material/flag:", help="From this mission's own set-up")
            # Always there: what goes while the page refreshes may be left in the browser (Streamlit 1.67).
            button("End the mission", _end, disabled=play.attempt is None)


def _named(play: Play, name: str) -> str:
    return f"{'✓ ' if name in play.solved else ''}{MISSIONS[name].name}"


def _begin(name: str) -> None:
    current().attempt = Attempt(MISSIONS[name])
    begin(MISSIONS[name].setup)


def _end() -> None:
    current().attempt = None


def judge(play: Play, view: View) -> bool:
    """Looks at the run for the mission that is under way; whether that has just solved it."""
    attempt = play.attempt
    if attempt is None or play.place is not None or attempt.verdict.right:
        return False
    attempt.look(play.run, view)
    if not attempt.verdict.right:
        return False
    play.solved.add(next(name for name, mission in MISSIONS.items() if mission == attempt.mission))
    return True


def told(play: Play) -> None:
    """The mission that is under way and how it stands, in one line above the pictures."""
    if play.attempt is None:
        return
    verdict = play.attempt.verdict
    with st.container(key="mission"):
        mark = ":material/check:" if verdict.right else ":material/flag:"
        st.markdown(f"{mark} **{play.attempt.mission.name}.** {verdict.words}")
