"""Router: the look of the browser window, the warm-up, and one page for each lesson of the catalogue."""

from copy import copy

import streamlit as st

from core.catalogue import LESSONS, PARTS
from ui import shell


@st.cache_resource(show_spinner=False, max_entries=1)
def pages(catalogue: str) -> dict[str, list[st.Page]]:  # noqa: ARG001
    """The pages by the section of the menu. Each looks its file up, so they are made once for a state of the catalogue."""
    out = {"": [st.Page("pages/home.py", title="Home", icon=":material/home:", default=True)]}
    for part in PARTS:
        lessons = [entry for entry in LESSONS if entry.part == part]
        if lessons:
            out[part] = [st.Page(f"pages/{e.slug}.py", title=e.name, url_path=e.slug) for e in lessons]
    return out


st.set_page_config(page_title="Training & Regularisation Lab", page_icon="📉", layout="wide",
                   initial_sidebar_state="collapsed")
st.session_state["routed"] = True
shell.warm_up()
shell.add_stylesheet()
# Copies, since a page notes whether it is the one to be run.
st.navigation({section: [copy(page) for page in some] for section, some in pages(repr(LESSONS)).items()},
              position="top").run()
