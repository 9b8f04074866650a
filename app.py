"""Router: the look of the browser window, the warm-up, and one page for each lesson of the catalogue."""

import streamlit as st

from core.catalogue import LESSONS, PARTS
from ui import shell

st.set_page_config(page_title="Training & Regularisation Lab", page_icon="📉", layout="wide",
                   initial_sidebar_state="collapsed")
st.session_state["routed"] = True
shell.warm_up()
shell.add_stylesheet()

pages = {"": [st.Page("pages/home.py", title="Home", icon=":material/home:", default=True)]}
for part in PARTS:
    lessons = [entry for entry in LESSONS if entry.part == part]
    if lessons:
        pages[part] = [st.Page(f"pages/{e.slug}.py", title=e.name, url_path=e.slug) for e in lessons]
st.navigation(pages, position="top").run()
