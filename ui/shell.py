"""What surrounds every page: warm-up once for a server, and the few lines of CSS that Streamlit has no option for."""

from __future__ import annotations

import gc

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from core import catalogue
from ui import controls

CSS = """
<style>
[data-testid="stMainBlockContainer"] { padding: 3.9rem 2rem 2rem; max-width: 130rem; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 0.6rem; }
[data-testid="stMainBlockContainer"] h2 { padding: 0; margin: 0; line-height: 1.2;
  font-size: clamp(1.25rem, 0.8rem + 1vw, 2.2rem); }
[data-testid="stMainBlockContainer"] h2 + p { margin: 0.15rem 0 0; }
.st-key-controls { gap: 0.5rem; }
.st-key-hidden-links { display: none; }
/* A long formula goes on in the next line instead of being moved sideways, which a keyboard cannot. */
[data-testid="stMainBlockContainer"] .katex-display { overflow: visible; }
[data-testid="stMainBlockContainer"] .katex-display > .katex { white-space: normal; }
.katex-display .base { margin-block: 0.15em; }
/* Streamlit's colours of code and captions, mixed with that of the text until they can be read in both themes. */
[data-testid="stCode"] .token:is(.keyword, .function) { color: color-mix(in srgb, #1c83e1 60%, currentcolor) !important; }
[data-testid="stCode"] .token:is(.comment, .punctuation) { color: color-mix(in srgb, #808495 60%, currentcolor) !important; }
[data-testid="stCode"] .token:is(.boolean, .number, .string) { color: color-mix(in srgb, #09ab3b 50%, currentcolor) !important; }
[data-testid="stCode"] .token.operator { color: color-mix(in srgb, #ed6f13 55%, currentcolor) !important; }
[data-testid="stCaptionContainer"] { opacity: 0.8 !important; }
/* While a run is under way Streamlit fades every element, each on a layer of its own. What may be old is the picture. */
[data-stale] { opacity: 1 !important; transition: none !important; }
.st-key-picture [data-stale="true"] { opacity: 0.33 !important; transition: opacity 1s ease-in 0.5s !important; }
.lab-asking .st-key-summary { display: none; }  /* a child of it is made visible again by Streamlit */
.lab-present [data-testid="stHeader"], .lab-present .st-key-summary { display: none; }
.lab-present [data-testid="stMainBlockContainer"] { padding: 0.75rem 1.5rem; max-width: none; }
.lab-present [data-testid="stColumn"]:has(.st-key-controls) { display: none; }
.lab-present.lab-controls [data-testid="stColumn"]:has(.st-key-controls) { display: block; }
@media (max-width: 40rem) {
  [data-testid="stMainBlockContainer"] { padding: 4rem 0.8rem 2rem; }
}
</style>
"""


@st.cache_resource(show_spinner=False)
def warm_up() -> bool:
    """Imports what the pages need, before the first reader asks for it.

    One thread: two of them halve the throughput as soon as a second session trains. `gc.freeze` takes torch's
    hundred thousand objects out of every later collection.
    """
    import torch

    import ui.page  # noqa: F401

    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    return True


def style() -> None:
    st.html(CSS)


def hidden_links() -> None:
    """The app's own links to the lessons, out of sight: our components press one, and the session goes on.

    `st.switch_page` would change the page from the server, and a tick of a live fragment that is under way at that
    moment would send the reader back.
    """
    kept = {controls.PRESENT: st.query_params[controls.PRESENT]} if controls.PRESENT in st.query_params else {}
    with st.container(key="hidden-links"):
        for entry in catalogue.LESSONS:
            st.page_link(f"pages/{entry.slug}.py", label=entry.name, query_params=kept)


def through_router() -> None:
    """Sends a page that was run without `app.py` round by way of it.

    Until somebody has called `st.navigation` on a server, Streamlit takes a folder named pages for its older kind of
    app and answers a deep link with the page's file alone. There is no option for it; the flag is a class attribute.
    """
    if "routed" not in st.session_state:
        PagesManager.uses_pages_directory = False
        st.rerun()
