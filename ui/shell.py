"""What surrounds every page: warm-up once for a server, and the few lines of CSS that Streamlit has no option for."""

from __future__ import annotations

import gc

import streamlit as st

CSS = """
<style>
[data-testid="stMainBlockContainer"] { padding: 4.2rem 2rem 2rem; max-width: 120rem; }
[data-testid="stMainBlockContainer"] h2 { padding: 0 0 0.2rem; font-size: clamp(1.3rem, 0.9rem + 1.1vw, 2.2rem); }
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

    import core.engine
    import ui.page  # noqa: F401

    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    return True


def style() -> None:
    st.html(CSS)
