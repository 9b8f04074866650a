"""Three pages, the first of which refreshes itself and the third of which has a control, for tests/test_compat.py."""

import os
import time

import streamlit as st

from ui import compat

if "KEEP" in os.environ:
    st.cache_resource(compat.keep_page_changes)()


def one() -> None:
    compat.refresh_until_done(lambda: st.text("one"), done=False, seconds=10)


def two() -> None:
    time.sleep(0.3)
    st.text("two")


@st.fragment(run_every=10)
def control() -> None:
    time.sleep(0.1)
    st.slider("Control", 0, 10)


st.navigation([st.Page(one), st.Page(two), st.Page(control, title="three", url_path="three")]).run()
if "KEEP" in os.environ:
    compat.wait_until_sent()
