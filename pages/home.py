"""Home: the lecture's map."""

import streamlit as st

from ui import home, shell

shell.require_router()
st.markdown("## Training & Regularisation Lab\nHow neural networks are trained, and what keeps them honest, "
            "in pictures that are computed from real runs.")
home.show()
