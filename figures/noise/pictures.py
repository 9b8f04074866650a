"""Pictures of nets that were trained with noise, over all strengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from torch import Tensor

from core.data import toys
from core.formatting import format_number, format_part
from core.lessons.noise.data import HALF, STRENGTHS, places
from core.lessons.noise.judging import largest_probability, optimal_gap
from core.lessons.noise.lesson import Config, Result
from figures import style
from figures.noise import plane
from figures.noise.plane import OPENING

NAMES = {"noise_none": "no noise", "noise_inputs": "noise on inputs", "noise_weights": "noise on weights",
         "noise_labels": "noise on labels"}
HUES = ("noise_inputs", "noise_weights")
ROOM = 0.1  # above the fits, for their strengths


def legend() -> list[tuple[str, str, str]]:
    return [(name, style.colour(hue), "solid") for hue, name in NAMES.items()]


def labels() -> list[str]:
    """Of the player: the strengths themselves are on the axes, and would take three lines of a phone."""
    return ["no noise", *(f"noise {level} of {STRENGTHS - 1}" for level in range(1, STRENGTHS))]


def line(x: Any, y: Any, hue: str, said: str, **about: Any) -> style.Trace:
    """A solid line of what was measured; about: of the stroke."""
    return dict(type="scatter", x=style.array(x), y=style.array(y), mode="lines", name=NAMES[hue],
                line=dict(color=style.colour(hue), width=2.4) | about, hovertemplate=f"{said}<extra>{NAMES[hue]}</extra>")


def over_seeds(x: Tensor, values: Tensor, hue: str, said: str) -> list[style.Trace]:
    """The mean of values [points, seeds] and the band from the least to the most. Wide, so that theory is seen upon it."""
    return [style.band(x, values.amin(-1), values.amax(-1), NAMES[hue], hue), line(x, values.mean(-1), hue, said, width=4)]


def here(x: Tensor, y: Tensor, hue: str) -> style.Trace:
    """A mark that stands at the player's strength, on the line of x [L] and y [L]."""
    mark = dict(type="scatter", x=style.array(x[OPENING : OPENING + 1]), y=style.array(y[OPENING : OPENING + 1]), mode="markers",
                hoverinfo="skip", showlegend=False, cliponaxis=False,
                marker=dict(size=11, color=style.colour(hue), line=dict(color=style.PAPER, width=2)))
    return style.frames(mark, x=x[:, None], y=y[:, None])


def sure(result: Result, scene: Config) -> go.Figure:
    """How sure the net is of its training samples, and what their labels say."""
    epsilon, most = result.epsilon, 100 * result.classes.sure
    dense = torch.linspace(0, scene.labels, 50)
    share = 100 * largest_probability(dense, scene.K)
    traces = over_seeds(epsilon, most, "noise_labels", "ε = %{x:.2f}: %{y:.1f}\u00a0% sure")
    traces += [style.theory(dense, share, "1 − ε + ε/K (%)"),
               here(epsilon, most.mean(-1), "noise_labels")]
    least = min(float(share.min()), float(most.min()))
    room = 0.06 * (100 - least)
    traces.append(told(result, scene, 100 + 0.5 * room, 1.7 * room))
    return style.figure(traces, x="label smoothing ε", y="largest probability (%)", xaxis_range=span(scene.labels),
                        yaxis_range=[least - room, 100 + room], showlegend=False)


def told(result: Result, scene: Config, top: float, down: float) -> style.Trace:
    """What label and net say at the player's strength, in words at the upper right, above every falling line."""
    epsilon = result.epsilon
    share, sure = largest_probability(epsilon, scene.K).tolist(), result.classes.sure.mean(-1).tolist()
    said = [[f"ε = {format_number(e)}", f"label: {format_part(label)}", f"net: {format_part(net)}"]
            for e, label, net in zip(epsilon.tolist(), share, sure, strict=True)]
    hues = [style.MUTED, style.INK, style.colour("noise_labels")]
    words = dict(type="scatter", x=[scene.labels] * 3, y=[top - down * i for i in range(3)], mode="text", text=said[OPENING],
                 textposition="bottom left", hoverinfo="skip", showlegend=False, textfont=dict(color=hues))
    return style.frames(words, text=said)


def span(largest: float) -> list[float]:
    """An axis of strengths."""
    return [-0.02 * largest, 1.02 * largest]


def fits(result: Result, _: Config) -> go.Figure:
    """The same net from the same start with no noise, noise on inputs and noise on weights."""
    fit = result.numbers.fit
    if result.own:
        traces = [*plane.boundary(result, fit[0, 0], NAMES["noise_none"], color=style.colour("noise_none"), width=2.4),
                  plane.samples(result)]
        for k, hue in enumerate(HUES):
            traces += plane.boundary(result, fit[k], NAMES[hue], color=style.colour(hue), width=3)
        (left, right), (low, high) = result.frame
        return plane.on_plane([*traces, strength(result, left, right, high + ROOM / 2 * (high - low))], result, ROOM)
    x, (low, high) = places(), heights(result)
    traces = [truth(), samples(result), line(x, fit[0, 0], "noise_none", "f(%{x:.2f}) = %{y:.2f}")]
    traces += [style.frames(line(x, fit[k, OPENING], hue, "f(%{x:.2f}) = %{y:.2f}"), y=fit[k]) for k, hue in enumerate(HUES)]
    traces.append(strength(result, -HALF, HALF, high + ROOM / 2 * (high - low)))
    return style.figure(traces, x="x", y="y", xaxis_range=[-HALF, HALF], yaxis_range=[low, high + ROOM * (high - low)],
                        showlegend=False)


def strength(result: Result, left: float, right: float, y: float) -> style.Trace:
    """The player's strengths, in words above the fits."""
    said = [[f"inputs: σ = {format_number(a)}", f"weights: σ = {format_number(b)}"] for a, b in result.sigma.T.tolist()]
    words = dict(type="scatter", x=[left + 0.27 * (right - left), left + 0.75 * (right - left)], y=[y, y], mode="text",
                 text=said[OPENING], textposition="middle center", hoverinfo="skip", showlegend=False,
                 textfont=dict(color=[style.colour(hue) for hue in HUES]))
    return style.frames(words, text=said)


def heights(result: Result) -> list[float]:
    """The ends of the axis of the samples and of the net's fits to them."""
    drawn = torch.cat([result.y[0].ravel(), result.numbers.fit.ravel()])
    return [min(-2.8, float(drawn.min())) - 0.3, max(2.8, float(drawn.max())) + 0.3]


def leaves(result: Result, fit: torch.Tensor) -> bool:
    """Whether a fit to the samples leaves the frame that all pictures of them have."""
    low, high = heights(result)
    return float(fit.min()) < low or float(fit.max()) > high


def truth() -> style.Trace:
    x = places()
    return dict(type="scatter", x=style.array(x), y=style.array(toys.wave(x)), mode="lines", name="the curve",
                line=dict(color=style.INK, width=1.6, dash="dot"), hovertemplate="the curve: %{y:.2f}<extra></extra>")


def samples(result: Result) -> style.Trace:
    return dict(type="scatter", x=style.array(result.x[0, 0]), y=style.array(result.y[0]), mode="markers", name="samples",
                cliponaxis=False, marker=dict(color=style.INK, size=7, line=dict(color=style.PAPER, width=1)),
                hovertemplate="sample (%{x:.2f}, %{y:.2f})<extra></extra>")


def gap(result: Result, scene: Config) -> go.Figure:
    """How far apart the logits are, and how far the smoothed labels ask for."""
    epsilon, measured = result.epsilon, result.classes.gap
    top = 1.06 * max(float(measured.max()), 1.0)
    dense = torch.linspace(0, scene.labels, 300)[1:]
    ideal = optimal_gap(dense, scene.K)
    # Between no smoothing, which has no optimum, and the least of it there is no line.
    none = line([0, 0], [measured[0].min(), measured[0].max()], "noise_labels", "ε = 0: %{y:.2f}", width=10) | dict(opacity=0.35)
    mean = dict(type="scatter", x=[0], y=[float(measured[0].mean())], mode="markers",
                marker=dict(size=11, symbol="diamond", color=style.colour("noise_labels")),
                hovertemplate="ε = 0: %{y:.2f}<extra></extra>")
    traces = [none, mean, *over_seeds(epsilon[1:], measured[1:], "noise_labels", "ε = %{x:.2f}: %{y:.2f}")]
    traces += [style.theory(dense[ideal <= top], ideal[ideal <= top], "ln(1 + K(1 − ε)/ε)"),
               here(epsilon, measured.mean(-1), "noise_labels")]
    return style.figure(traces, x="label smoothing ε", y="gap of the logits", xaxis_range=span(scene.labels),
                        yaxis_range=[min(0.0, float(measured.min())) - 0.03 * top, top], showlegend=False)


def flat(result: Result, scene: Config) -> go.Figure:
    """The squared slope in the inputs under noise on inputs: net and linear model."""
    sigma, measured = result.sigma[0], result.numbers.slope_inputs[0]
    fitted, exact = (w[:, 0].square().sum(-1) for w in (result.linear.w, result.linear.w_ridge))
    dots = dict(type="scatter", x=style.array(sigma), y=style.array(fitted), mode="markers", hoverinfo="skip", cliponaxis=False,
                marker=dict(symbol="circle-open", size=9, color=style.INK, line=dict(width=2)))
    traces = [*over_seeds(sigma, measured, "noise_inputs", "σ = %{x:.2f}: %{y:.3g}"), style.theory(sigma, exact, "‖w‖² of ridge"),
              dots, here(sigma, measured.mean(-1), "noise_inputs")]
    values = np.log10(torch.cat([measured.flatten(), exact, fitted]).clamp_min(1e-12).numpy())
    return style.figure(traces, x="σ of noise on inputs", y="squared slope in the inputs", xaxis_range=span(scene.inputs),
                        yaxis_type="log", yaxis_range=[float(values.min()) - 0.15, float(values.max()) + 0.15], showlegend=False)


def steady(result: Result, scene: Config) -> go.Figure:
    """The squared slope in the weights under noise on weights: net and linear model."""
    sigma, measured = result.sigma[1], result.numbers.slope_weights[1]
    linear = float(result.linear.weight_slope)
    traces = [*over_seeds(sigma, measured, "noise_weights", "σ = %{x:.3f}: %{y:.3g}"),
              style.theory(sigma, [linear] * STRENGTHS, "mean ‖φ‖² + 1"), here(sigma, measured.mean(-1), "noise_weights")]
    return style.figure(traces, x="σ of noise on weights", y="squared slope in the weights", xaxis_range=span(scene.weights),
                        yaxis_rangemode="tozero", showlegend=False)


def paths(result: Result, scene: Config) -> go.Figure:
    """The weights of the linear model: fitted to noisy copies, and ridge's."""
    # One line with gaps for all weights: not-a-number lifts the pen.
    sigma = np.append(result.sigma[0].numpy(), np.nan)

    def joined(w: Tensor) -> np.ndarray:  # [L, d]
        return np.pad(w.numpy(), ((0, 1), (0, 0)), constant_values=np.nan).T.ravel()

    x = np.tile(sigma, result.linear.w.shape[-1])
    measured = line(x, joined(result.linear.w[:, 0]), "noise_inputs", "σ = %{x:.2f}: w %{y:.3f}", width=4)
    measured["mode"], measured["marker"] = "lines+markers", dict(size=7, color=style.colour("noise_inputs"))
    traces = [measured, style.theory(x, joined(result.linear.w_ridge[:, 0]), "ridge")]
    return style.figure(traces, x="σ of noise on the inputs", y="weight w<sub>k</sub>", xaxis_range=span(scene.inputs),
                        showlegend=False)


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """How sure the net is against ε, and the smoothed label's own share."""
    epsilon, most = result.epsilon / scene.labels, result.classes.sure.mean(-1)
    area = style.mark("area", epsilon, most, "noise_labels", alpha=0.2)
    cap = style.mark("line", epsilon, largest_probability(result.epsilon, scene.K), "ink", width=2, dash="5 4")
    return style.thumbnail(area, style.mark("line", epsilon, most, "noise_labels", width=4), cap, x=(0, 1), y=(0.3, 1.05))
