"""A page that shows what has been counted so far, each time for a thirtieth of a second, for tests/test_compat.py."""

import time

import streamlit as st

from ui import compat


def draw() -> None:
    st.session_state["count"] = st.session_state.get("count", 0) + 1
    time.sleep(0.03)
    st.text(f"count {st.session_state['count']}")


compat.refresh_until_done(draw, done=False, seconds=0.01)
