"""The yardstick: a bare Streamlit page with one slider and one chart of 200 points."""

import math

import plotly.graph_objects as go
import streamlit as st

phase = st.slider("Phase", 0, 100, 10)
x = [i / 20 for i in range(200)]
st.plotly_chart(go.Figure(go.Scatter(x=x, y=[math.sin(v + phase / 10) for v in x])), key="chart")
