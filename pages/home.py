"""Home: the lecture's map."""

import streamlit as st

from core.catalogue import LESSONS, PARTS
from ui import shell

shell.through_router()
st.markdown("## Training & Regularisation Lab\nHow neural networks are trained, and what keeps them honest. "
            "Every picture is computed while you watch.")
for part in PARTS:
    lessons = [entry for entry in LESSONS if entry.part == part]
    if not lessons:
        continue
    st.markdown(f"#### {part}")
    for start in range(0, len(lessons), 2):
        for column, entry in zip(st.columns(2), lessons[start : start + 2], strict=False):
            with column, st.container(border=True):
                st.page_link(f"pages/{entry.slug}.py", label=f"**{entry.name}**")
                st.markdown(f"{entry.title}.")
                st.caption(entry.question)
