"""Two pages, the first of which refreshes itself, for tests/test_compat.py."""

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


st.navigation([st.Page(one), st.Page(two)]).run()
