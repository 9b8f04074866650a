"""Pictures of links: how far each pair is apart, both sides of one of them, and the residual along the strengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.lessons.links.lesson import Config, Result, at
from core.lessons.links.listing import EXACT, FAILS, PAIRS, Pair
from core.lessons.links.pairs import STRENGTHS
from figures import style

LOW, HIGH = 1e-18, 30.0  # of the residual
LEGEND = [("exact", style.colour("exact"), "solid"), ("approximate", style.colour("approximate"), "solid")]
_POWERS = {-15: "10⁻¹⁵", -12: "10⁻¹²", -9: "10⁻⁹", -6: "10⁻⁶", -3: "10⁻³", 0: "1"}
RESIDUAL: dict[str, Any] = dict(type="log", tickvals=[10.0**e for e in _POWERS], ticktext=list(_POWERS.values()))
STRENGTH: dict[str, Any] = dict(xaxis_type="log", xaxis_tickvals=[0.01, 0.1, 1, 10, 100], xaxis_range=[-2.1, 2.1],
                                xaxis_ticktext=["0.01", "0.1", "1", "10", "100"])
MOST = 12  # entries of a solution that are drawn


def _drawn(values: Any) -> np.ndarray:
    """Residuals within the axis: zero at its lower end, infinity at its upper."""
    return np.clip(np.asarray(values, np.float64), LOW * 3, HIGH / 3)


def _names() -> list[dict[str, Any]]:
    """The names of the pairs, each on the side of its row that its dots leave free.

    From below: the paper of a name may lie on the head of the one below, where nothing is, and would hide the foot of the one
    above.
    """
    notes = []
    for row, pair in reversed(list(enumerate(PAIRS.values()))):
        notes.append(dict(x=-13.6 if pair.exact else -7.6, y=row, text=pair.name, showarrow=False,
                          xanchor="left" if pair.exact else "right", font=dict(color=style.INK), bgcolor=style.PAPER,
                          borderpad=0))
    return notes


def _rows(traces: list[style.Trace], notes: list[dict[str, Any]]) -> go.Figure:
    edge = float(np.log10(EXACT))
    heads = [(edge, "10⁻⁶"), (float(np.log10(FAILS)), "5\u00a0%")]
    notes = [*notes, *(dict(x=x, y=-1.15, text=text, showarrow=False, font=dict(color=style.MUTED)) for x, text in heads)]
    lines = [dict(type="line", x0=x, x1=x, y0=-0.7, y1=len(PAIRS) - 0.4, line=dict(color=style.INK, width=1.4, dash=dash),
                  layer="below") for x, dash in ((EXACT, "dash"), (FAILS, "dot"))]
    return style.figure(traces, x="residual", xaxis={**RESIDUAL, "range": [np.log10(LOW), np.log10(HIGH)]}, shapes=lines,
                        annotations=notes, showlegend=False,
                        yaxis=dict(range=[len(PAIRS) - 0.3, -1.5], showticklabels=False, ticks="", showgrid=False,
                                   showline=False))


def overview(result: Result, scene: Config) -> go.Figure:
    """Every pair that is fitted at the scene's strength: a dot for each draw, and a ring round the chosen pair."""
    traces: list[style.Trace] = []
    for kind in ("exact", "approximate"):
        x, y, said, symbols = [], [], [], []
        for row, (key, pair) in enumerate(PAIRS.items()):
            if pair.kind != kind or key not in result.fits:
                continue
            for value in result.residual(key)[at(scene)].tolist():
                x.append(float(_drawn(value)))
                y.append(row)
                lost = not np.isfinite(value)
                symbols.append("x" if lost else "circle")
                said.append(f"{pair.name}: " + ("the right side has no solution" if lost else f"{value:.1e}"))
        traces.append(dict(type="scatter", x=style.array(x), y=style.array(y), mode="markers", text=said, name=kind,
                           hovertemplate="%{text}<extra></extra>",
                           marker=dict(color=style.colour(kind), size=8, symbol=symbols, opacity=0.75)))
    row = list(PAIRS).index(scene.pair)
    if scene.pair in result.fits:
        middle = float(np.exp(np.log(_drawn(result.residual(scene.pair)[at(scene)])).mean()))
        traces.append(dict(type="scatter", x=[middle], y=[row], mode="markers", hoverinfo="skip",
                           marker=dict(symbol="circle-open", size=20, color=style.INK, line=dict(width=2.6))))
    return _rows(traces, _names())


def setup() -> go.Figure:
    """The pairs, without how far they are apart."""
    notes = _names()
    for note in notes:
        note.update(x=-17.5, xanchor="left")
    ghost = dict(type="scatter", x=[LOW], y=[0], mode="markers", marker=dict(opacity=0), hoverinfo="skip")
    return _rows([ghost], notes)


def solutions(result: Result, scene: Config) -> go.Figure:
    """Both sides of the first draw: discs for the left one, rings for the right one, crosses without a regulariser."""
    pair = PAIRS[scene.pair]
    if scene.pair not in result.fits:
        return style.figure(x=pair.entries, y="value")
    left, right, plain = result.fits[scene.pair]
    left, right = (side[at(scene), 0, :MOST] for side in (left, right))
    entries = np.arange(1, len(left) + 1)

    def marks(values: Any, name: str, **marker: Any) -> style.Trace:
        return dict(type="scatter", x=entries, y=style.array(values), mode="markers", name=name, marker=marker, cliponaxis=False,
                    hovertemplate=f"{name}, {pair.entries} %{{x}}: %{{y:.4g}}<extra></extra>")
    shown = np.concatenate([style.array(side)[np.isfinite(style.array(side))] for side in (left, right)])
    room = max(0.15 * float(np.ptp(shown)), 0.05 * float(np.abs(shown).max()))
    traces = [marks(left, pair.left, color=style.colour(pair.kind), size=11)]
    if bool(right.isfinite().all()):
        traces.append(marks(right, pair.right, symbol="circle-open", size=19, color=style.INK, line=dict(width=2.2)))
    if plain is not None:
        traces.append(marks(plain[0, :MOST], "without", symbol="x-thin", size=9, color=style.MUTED,
                            line=dict(width=2, color=style.MUTED)) | dict(cliponaxis=True))
    return style.figure(traces, x=pair.entries, y="value", showlegend=False,
                        xaxis_range=[0.4, len(left) + 0.6], xaxis_tickvals=entries, yaxis_zeroline=True,
                        yaxis_range=[float(shown.min()) - room, float(shown.max()) + room],
                        yaxis_zerolinecolor=style.colour("axis"))


def slope(pair: Pair, means: np.ndarray) -> np.ndarray | None:
    """The power law of the pair's order through the mean residual (S,) at its end; None of an exact pair."""
    if pair.order is None:
        return None
    s = np.array(STRENGTHS)
    end = 0 if pair.end == "weak" else -1
    return means[end] * (s / s[end]) ** pair.order


def failing(means: np.ndarray) -> list[tuple[float, float]]:
    """The stretches of strengths at which the pair fails, their ends half-way, on a logarithm, to the next strength."""
    bad = means > FAILS
    half = np.sqrt(np.array(STRENGTHS[1:]) / np.array(STRENGTHS[:-1]))
    low = np.array(STRENGTHS) / np.concatenate([[1.3], half])
    high = np.array(STRENGTHS) * np.concatenate([half, [1.3]])
    out: list[tuple[float, float]] = []
    for k in np.flatnonzero(bad):
        if out and k and bad[k - 1]:
            out[-1] = (out[-1][0], float(high[k]))
        else:
            out.append((float(low[k]), float(high[k])))
    return out


def sweep(result: Result, scene: Config) -> go.Figure:
    """The residual of the chosen pair at every strength, with its order; shaded where it fails."""
    pair = PAIRS[scene.pair]
    axes = dict(x="strength s", y="residual", **STRENGTH, showlegend=False)
    if scene.pair not in result.fits:
        return style.figure(**axes, yaxis={**RESIDUAL, "range": [-18, 1]})
    values = result.residual(scene.pair).numpy()
    means, hue = values.mean(1), style.colour(pair.kind)
    finite = np.isfinite(means)
    s = np.array(STRENGTHS)
    dots = dict(type="scatter", x=np.repeat(s[finite], values.shape[1]), y=_drawn(values[finite]).ravel(), mode="markers",
                marker=dict(color=hue, size=5, opacity=0.5), hoverinfo="skip")
    line = dict(type="scatter", x=s[finite], y=_drawn(means[finite]), mode="lines+markers", line=dict(color=hue, width=2.4),
                marker=dict(size=7), hovertemplate="s = %{x}: %{y:.2e}<extra></extra>", name=pair.name)
    traces: list[style.Trace] = [dots, line]
    law = slope(pair, means)
    if law is not None:
        near = law < 3
        traces.append(style.theory(s[near], law[near], f"order {pair.order:g}"))
        low = min(means.min(), law.min())
        yaxis = {"type": "log", "range": [np.floor(np.log10(low)) - 0.1, 0.9], "exponentformat": "power", "dtick": 1 if low > 1e-4
                 else 2}
    else:
        yaxis = {**RESIDUAL, "range": [-18, 1]}
        traces.append(dict(type="scatter", x=[0.008, 125], y=[EXACT, EXACT], mode="lines", hoverinfo="skip",
                           line=dict(color=style.INK, width=1.4, dash="dash")))
    shapes = [dict(type="rect", x0=a, x1=b, y0=0, y1=1, yref="y domain", fillcolor=style.colour("axis", 0.35), line=dict(width=0),
                   layer="below") for a, b in failing(means)]
    shapes.append(dict(type="line", x0=scene.strength, x1=scene.strength, y0=0, y1=1, yref="y domain",
                       line=dict(color=style.MUTED, width=1.6, dash="dot")))
    return style.figure(traces, **axes, yaxis=yaxis, shapes=shapes)


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """Exact pairs at the left, approximate ones at the right of a line."""
    marks = [style.mark("line", [-6, -6], [-1, len(PAIRS)], "ink", width=2, dash="5 4")]
    for kind in ("exact", "approximate"):
        rows = [row for row, pair in enumerate(PAIRS.values()) if pair.kind == kind]
        means = [float(np.log10(_drawn(result.residual(list(PAIRS)[row])[at(scene)].mean()))) for row in rows]
        marks.append(style.mark("dots", means, [len(PAIRS) - row for row in rows], kind, width=6))
    return style.thumbnail(*marks, x=(-18, 1.5), y=(-0.5, len(PAIRS) + 0.8))
