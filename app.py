"""Router: the look of the browser window, the warm-up, and one page for each lesson of the catalogue."""

from copy import copy

import streamlit as st

from core.catalogue import LESSONS
from ui import compat, shell, turns

st.set_page_config(page_title="Training & Regularisation Lab", page_icon="📉", layout="wide",
                   initial_sidebar_state="collapsed")
st.session_state["routed"] = True
shell.warm_up()
shell.add_stylesheet()
# Copies, since a page notes whether it is the one to be run.
pages = {section: [copy(page) for page in some] for section, some in shell.pages(repr(LESSONS)).items()}
with turns.shared().taken():
    st.navigation(pages, position="top").run()
compat.wait_until_sent()
