"""Pictures of links: risks along the path, and both solutions along the strengths."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.lessons.links.lesson import Config, Result
from core.lessons.links.linear import RISK_FACTOR
from core.lessons.links.listing import PAIRS
from core.lessons.links.pairs import STRENGTHS
from figures import style
from figures.links.pictures import STRENGTH

LINES = 4  # entries whose paths are drawn
_TIMES = dict(xaxis_type="log", xaxis_range=[-3, 3], xaxis_tickvals=[1e-3, 1e-2, 0.1, 1, 10, 100, 1e3],
              xaxis_ticktext=["10⁻³", "0.01", "0.1", "1", "10", "100", "10³"])


def ratio(result: Result) -> go.Figure:
    """Gradient flow's risk as a part of ridge's at α = 1/t, a line for each draw, under the most it can be."""
    risks = result.risks
    times, hue = style.array(risks.times), style.colour("approximate")
    values = (risks.flow / risks.ridge).numpy()
    several = np.concatenate([values, np.full((len(values), 1), np.nan)], 1).ravel()
    lines = dict(type="scatter", x=np.tile(np.append(times, np.nan), len(values)), y=style.array(several), mode="lines",
                 line=dict(color=hue, width=2), hovertemplate="t = %{x:.2g}: %{y:.3f} times<extra></extra>", name="ratio")
    idle = dict(type="scatter", x=times, y=style.array(risks.worst), mode="lines", name="w = 0",
                line=dict(color=style.MUTED, width=2, dash="dot"),
                hovertemplate="w = 0, t = %{x:.2g}: %{y:.3f} times<extra></extra>")
    bound = style.theory([1e-3, 1e3], [RISK_FACTOR] * 2, "1.69")
    low = float(min(values.min(), 1))
    notes = [style.label(-3, RISK_FACTOR, "1.69, never more") | dict(yanchor="bottom", yshift=1)]
    level = dict(type="line", x0=1e-3, x1=1e3, y0=1, y1=1, line=dict(color=style.colour("axis"), width=1.4), layer="below")
    return style.figure([lines, idle, bound], x="time t = 1/α", y="risk of flow ÷ risk of ridge", **_TIMES, showlegend=False,
                        yaxis_range=[max(0, low - 0.08), 1.9], annotations=notes, shapes=[level])


def risk(result: Result) -> go.Figure:
    """Both risks of the first draw; a disc at the least of each."""
    risks = result.risks
    times = style.array(risks.times)
    traces = []
    for values, hue, name in ((risks.flow[0], "sgd", "gradient flow"), (risks.ridge[0], "l2", "ridge")):
        y = style.array(values)
        best = int(y.argmin())
        traces.append(dict(type="scatter", x=times, y=y, mode="lines", line=dict(color=style.colour(hue), width=2.4), name=name,
                           hovertemplate=f"{name}, t = %{{x:.2g}}: %{{y:.4g}}<extra></extra>"))
        traces.append(dict(type="scatter", x=[times[best]], y=[y[best]], mode="markers", hoverinfo="skip",
                           marker=dict(color=style.colour(hue), size=10)))
    return style.figure(traces, x="time t = 1/α", y="E ‖ŵ − w‖²", yaxis_type="log", yaxis_exponentformat="power", **_TIMES,
                        showlegend=False)


def path(result: Result, scene: Config) -> go.Figure:
    """The first entries of both solutions at every strength: solid the left side, dashed the right one."""
    pair = PAIRS[scene.pair]
    axes = dict(x="strength s", y=pair.entries, **STRENGTH, showlegend=False)
    if scene.pair not in result.fits:
        return style.figure(**axes)
    left, right = (style.array(side[:, 0, :LINES]).copy() for side in result.fits[scene.pair][:2])
    s = np.append(np.array(STRENGTHS), np.nan)
    some = left.shape[1]

    def joined(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, np.full((1, some), np.nan)], 0).T.ravel()
    solid = dict(type="scatter", x=np.tile(s, some), y=joined(left), mode="lines", name=pair.left, hoverinfo="skip",
                 line=dict(color=style.colour(pair.kind), width=2.6))
    right[~np.isfinite(right)] = np.nan  # a line ends where there is no solution
    held = np.abs(right[np.isfinite(right)]).max(initial=0.1)
    return style.figure([solid, style.theory(np.tile(s, some), joined(right), pair.right, hoverinfo="skip", hovertemplate=None)],
                        **axes, yaxis_range=[-1.15 * held, 1.15 * held])
