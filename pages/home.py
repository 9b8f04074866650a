"""Home: the lecture's map."""

import streamlit as st

from core.catalogue import PLAYGROUND
from ui import home, shell

shell.require_router()
st.markdown("## Training & Regularisation Lab\nHow neural networks are trained, and what keeps them honest, "
            "in pictures that are computed from real runs.")
with st.container(key="playground-card", horizontal=True, border=True, vertical_alignment="center"):
    st.markdown(f"**{PLAYGROUND.name}.** {PLAYGROUND.question}", width="stretch")
    st.page_link("pages/playground.py", label="Play", icon=":material/play_circle:", width="content")
home.show()
