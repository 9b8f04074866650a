"""Five pages: the first refreshes itself, the third has a control, the fourth a fragment in its first run alone, the last a
button. For tests/test_compat.py."""

import os
import time

import streamlit as st

from ui import compat

if "KEEP" in os.environ:
    st.cache_resource(compat.keep_requests)()


def one() -> None:
    compat.refresh_until_done(lambda: st.text("one"), done=False, seconds=10)


def two() -> None:
    time.sleep(0.3)
    st.text("two")


@st.fragment(run_every=10)
def control() -> None:
    time.sleep(0.1)
    st.slider("Control", 0, 10)


def four() -> None:
    st.session_state["run"] = st.session_state.get("run", 0) + 1
    if st.session_state["run"] == 1:
        st.fragment(lambda: st.text("fragment"), run_every=10)()
    time.sleep(0.3)
    st.text(f"run {st.session_state['run']}")


def five() -> None:
    st.button("Press", key="a-button")
    time.sleep(0.3)
    st.text(f"pressed {(compat.presses() or {}).get('a-button', 0)}")


st.navigation([st.Page(one), st.Page(two), st.Page(control, title="three", url_path="three"), st.Page(four), st.Page(five)]).run()
if "KEEP" in os.environ:
    compat.wait_until_sent()
