"""What goes on inside one optimiser: its effective step and its memory."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import torch

from core.lessons.optimisers.lesson import Config, Result
from figures import style
from figures.optimisers.pictures import frame_steps


def effective_step(result: Result, scene: Config) -> go.Figure:
    """What one method multiplies each coordinate's slope by: −Δθᵢ / gᵢ, with a gap where the step goes uphill."""
    method = scene.inside
    k = result.methods.index(method)
    moved = result.paths[1:, k] - result.paths[:-1, k]
    ratio = -moved / result.slopes[:, k]
    ratio = style.array(torch.where((ratio > 1e-37) & (ratio < 1e30), ratio, torch.nan))
    stops = frame_steps(result.step)
    traces: list[style.Trace] = []
    for i, (name, dash) in enumerate((("θ₁", "solid"), ("θ₂", "dot"))):
        line = dict(type="scatter", x=np.arange(1, result.step + 1), y=ratio[:, i], mode="lines", name=name,
                    line=dict(color=style.colour(method), width=2.2, dash=dash),
                    hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>")
        traces.append(style.grow(line, stops))
    if method in ("sgd", "noisy_sgd", "momentum", "nesterov"):
        limit = scene.learning_rate if method in ("sgd", "noisy_sgd") else scene.learning_rate / max(1 - scene.alpha, 1e-9)
        name = "ε" if method in ("sgd", "noisy_sgd") else "ε/(1 − momentum α), under a constant slope"
        traces.append(style.theory([0, result.step], [limit, limit], name))
    about = {} if bool(result.slopes[:, k].any()) else dict(
        yaxis_range=[-1, 1], annotations=[style.empty("no slope at any step")])
    return style.figure(traces, x="step", y="−Δθᵢ / gᵢ", yaxis_type="log", xaxis_range=[0, result.step], showlegend=True, **about)


NAMES = {"m": "m̂", "v": "v", "r": "√r"}
VELOCITY, ADAM = "v is the velocity, without its factor −ε.", "m̂ is the running mean of slopes, √v̂ their running size."
REMEMBERS = {"momentum": VELOCITY, "nesterov": VELOCITY, "adagrad": "√r is the root of all squared slopes so far, added up.",
             "rmsprop": "√r is the running size of slopes.", "adam": ADAM, "adamw": ADAM}


def memory(result: Result, scene: Config) -> go.Figure:
    """The buffers of one method, in the units of a slope: m̂ and √v̂ for Adam, v for momentum, √r for the rest."""
    method = scene.inside
    t = np.arange(1, result.step + 1)
    stops = frame_steps(result.step)
    traces: list[style.Trace] = []
    for name, values in result.memory.get(method, {}).items():
        values = values.numpy()
        text = NAMES[name]
        if method in ("adam", "adamw"):
            beta = 0.9 if name == "m" else 0.999
            values = values / (1 - beta ** t[:, None])
            if name == "v":
                values, text = np.sqrt(values), "√v̂"
        if name == "r":
            values = np.sqrt(values)
        for i, dash in enumerate(("solid", "dot")):
            hue = method if name != "v" or method not in ("adam", "adamw") else "muted"
            line = dict(type="scatter", x=t, y=style.array(values[:, i]), mode="lines", name=f"{text}, θ{'₁₂'[i]}",
                        line=dict(color=style.colour(hue), width=2.2, dash=dash),
                        hovertemplate=f"{text}, θ{'₁₂'[i]}: %{{y:.3g}}<extra></extra>")
            traces.append(style.grow(line, stops))
    return style.figure(traces, x="step", y="units of the slope", xaxis_range=[0, result.step], showlegend=True)
