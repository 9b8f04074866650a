"""What surrounds every page: warm-up once for a server, style, the links to the lessons, and the way through the router."""

from __future__ import annotations

import gc

import streamlit as st

from core import catalogue
from ui import compat, controls


@st.cache_resource(show_spinner=False)
def warm_up() -> bool:
    """Imports what the pages need, before the first reader asks for it.

    One thread: two of them halve the throughput as soon as a second session trains. `gc.freeze` takes torch's
    hundred thousand objects out of every later collection, and collections are rarer: at Python's own thresholds they take
    a fifth of the time of a hall that arrives at once.
    """
    import torch

    import ui.page  # noqa: F401

    compat.keep_requests()
    compat.remember_theme()
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 2)
    return True


@st.cache_resource(show_spinner=False, max_entries=1)
def pages(catalogue_text: str) -> dict[str, list[st.Page]]:  # noqa: ARG001
    """The pages by the section of the menu. Each looks its file up, so they are made once for a state of the catalogue."""
    out = {"": [st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
                st.Page("pages/playground.py", title=catalogue.PLAYGROUND.name, icon=":material/play_circle:",
                        url_path=catalogue.PLAYGROUND.slug)]}
    for part in catalogue.PARTS:
        if lessons := [entry for entry in catalogue.LESSONS if entry.part == part]:
            out[part] = [st.Page(f"pages/{e.slug}.py", title=e.name, url_path=e.slug) for e in lessons]
    return out


def add_stylesheet() -> None:
    st.html(compat.STYLESHEET)


def hidden_links() -> None:
    """The app's own links to the lessons, out of sight, and on the wall to the playground: our components press one, and the
    session goes on.

    `st.switch_page` would change the page from the server, and a tick of a live fragment that is under way at that
    moment would send the reader back.
    """
    kept = {controls.PRESENT: st.query_params[controls.PRESENT]} if controls.PRESENT in st.query_params else {}
    with st.container(key="hidden-links"):
        for entry in (catalogue.PLAYGROUND, *catalogue.LESSONS) if kept else catalogue.LESSONS:
            st.page_link(f"pages/{entry.slug}.py", label=entry.name, query_params=kept)


def require_router() -> None:
    """Runs the app again by way of `app.py` where this page was run without it, as the first deep link to a server is."""
    if "routed" not in st.session_state:
        compat.ignore_pages_directory()
        compat.rerun()
