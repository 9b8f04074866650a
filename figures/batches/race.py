"""Pictures of the batch sizes that train: loss by three clocks, what they find, and the quadratic where theory is exact."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from torch import Tensor

from core.lessons.batches import lesson
from core.lessons.batches.lesson import CLOCKS, QUADRATIC_RATES, Config, Result, clock
from core.lessons.batches.quadratic import stationary_variance
from core.lessons.batches.race import Arm, Found
from figures import style
from figures.batches.pictures import CLOUDS, DASHES, batch_name, hue, span


def _full(arm: Arm, scene: Config) -> bool:
    return arm.batch_size == scene.n_samples


def losses(result: Result, scene: Config, against: str) -> go.Figure:
    """Training loss, mean over starts with its range, against steps, epochs or processor time."""
    traces: list[style.Trace] = []
    for arm in result.arms:
        full, x = _full(arm, scene), clock(arm, scene, against)
        name, shade = batch_name(arm.batch_size, full), hue(arm.batch_size, full)
        # Step 0 has no place on the logarithmic axis of epochs.
        keep = slice(1 if against == "epochs" else 0, None)
        loss = arm.loss.double()[keep]
        traces.append(style.band(x[keep], loss.amin(1), loss.amax(1), name, shade))
        traces.append(dict(type="scatter", x=style.array(x[keep]), y=style.array(loss.mean(1)), mode="lines", name=name,
                           showlegend=False, line=dict(color=style.colour(shade), width=2.6,
                                                       dash="solid" if full else DASHES[arm.batch_size]),
                           hovertemplate=f"{name}, {CLOCKS[against].split(' of')[0]} %{{x:.3g}}: %{{y:.3f}} nats<extra></extra>"))
    about: dict[str, object] = {}
    if against == "epochs" and len(result.arms) > 1:
        small = result.arms[0]
        end = small.step * small.batch_size / scene.n_samples
        about = dict(shapes=[dict(type="line", x0=end, x1=end, y0=0, y1=1, yref="y domain",
                                  line=dict(color=style.INK, width=1.5, dash="dot"))])
    # One range for all clocks, which show the same losses.
    low, high = span(np.concatenate([style.array(arm.loss).ravel() for arm in result.arms]), 1.06, 1.06)
    return style.figure(traces, x=CLOCKS[against], y="training loss (nats)", showlegend=False,
                        yaxis=dict(type="log", nticks=6, range=[low, high]),
                        xaxis=dict(type="log" if against == "epochs" else "linear"), **about)


def _places(result: Result) -> np.ndarray:
    """Where the starts stand beside one another on the axis of batch sizes, as a factor."""
    count = len(result.arms[0].reached)
    return np.geomspace(0.8, 1.25, count)


def strip(result: Result, scene: Config, values: Tensor, title: str) -> go.Figure:
    """values [A, S] against batch size: a dot a start, a bar at the median, and a thin line through each start."""
    sizes, x = [arm.batch_size for arm in result.arms], _places(result)
    array, traces = style.array(values), []
    for s in range(values.shape[1]):
        traces.append(dict(type="scatter", x=[m * x[s] for m in sizes], y=array[:, s], mode="lines", hoverinfo="skip",
                           line=dict(color=style.colour("muted", 0.4), width=1), showlegend=False))
    for i, arm in enumerate(result.arms):
        shade = style.colour(hue(arm.batch_size, _full(arm, scene)))
        traces.append(dict(type="scatter", x=arm.batch_size * x, y=array[i], mode="markers", showlegend=False,
                           marker=dict(size=9, color=shade, line=dict(color=style.PAPER, width=1)),
                           hovertemplate=f"m = {arm.batch_size}: %{{y:.3g}}<extra></extra>"))
        middle = float(values[i].nanmedian())
        traces.append(dict(type="scatter", x=[arm.batch_size * 0.68, arm.batch_size * 1.47], y=[middle, middle], mode="lines",
                           showlegend=False, line=dict(color=shade, width=3.5),
                           hovertemplate=f"m = {arm.batch_size}, median: %{{y:.3g}}<extra></extra>"))
    names = [f"all {m}" if m == scene.n_samples else str(m) for m in sizes]
    axis = dict(type="log", tickvals=sizes, ticktext=names,
                range=[np.log10(sizes[0] / 2), np.log10(sizes[-1] * 2)])
    return style.figure(traces, x="batch size m", y=title, xaxis=axis, showlegend=False, yaxis_range=[0, _top(values)])


def _top(values: Tensor) -> float:
    known = values[values.isfinite()]
    return 1.1 * float(known.max()) if len(known) else 1.0


def sharpness(result: Result, scene: Config) -> go.Figure:
    """Top eigenvalue at the matched loss, with 2/ε, beyond which a full-batch step is unstable."""
    assert result.matched is not None
    figure = strip(result, scene, result.matched.sharpness, "λ<sub>max</sub>")
    if limit_in_sight(result):
        sizes = [arm.batch_size for arm in result.arms]
        figure.add_trace(style.theory(sizes, [2 / arm.learning_rate for arm in result.arms], "2/ε", showlegend=False))
    return figure


def limit_in_sight(result: Result) -> bool:
    """Whether 2/ε of some batch size lies in the range of the sharpness that was found."""
    assert result.matched is not None
    return min(2 / arm.learning_rate for arm in result.arms) <= _top(result.matched.sharpness)


def held_out(result: Result, scene: Config) -> go.Figure:
    assert result.matched is not None
    return strip(result, scene, result.matched.held_out, "held-out loss (nats)")


def confounded(result: Result, scene: Config) -> go.Figure:
    """Sharpness against training loss: hollow after equal steps, filled at the matched loss."""
    assert result.matched is not None
    assert result.ended is not None
    traces: list[style.Trace] = []
    kinds: tuple[tuple[Found, str, str], ...] = ((result.ended, "circle-open", f"after {scene.steps} steps"),
                                                 (result.matched, "circle", "at the matched loss"))
    for found, symbol, when in kinds:
        for i, arm in enumerate(result.arms):
            full = _full(arm, scene)
            traces.append(dict(type="scatter", x=style.array(found.loss[i]), y=style.array(found.sharpness[i]), mode="markers",
                               showlegend=False, marker=dict(symbol=symbol, size=9, color=style.colour(hue(arm.batch_size, full)),
                                                             line=dict(width=2 if symbol.endswith("open") else 0)),
                               hovertemplate=f"{batch_name(arm.batch_size, full)} {when}<br>loss %{{x:.3f}}, "
                                             "λ<sub>max</sub> %{y:.3g}<extra></extra>"))
    mark = dict(type="line", x0=scene.level, x1=scene.level, y0=0, y1=1, yref="y domain",
                line=dict(color=style.INK, width=1.5, dash="dot"))
    return style.figure(traces, x="training loss (nats)", y="λ<sub>max</sub>", showlegend=False, shapes=[mark],
                        yaxis=dict(type="log", nticks=6), xaxis=dict(autorange="reversed"))


def stationary(result: Result, scene: Config) -> go.Figure:
    """Variance of SGD on a noisy quadratic in the long run, measured over theory, against ε."""
    assert result.quadratic is not None
    rates = np.concatenate([np.geomspace(QUADRATIC_RATES[0], 1, 40), 2 - np.geomspace(1, 0.02, 40)])
    column, traces = result.quadratic.variance, []
    for (name, symbol, _), m in zip(CLOUDS, lesson.pair(scene), strict=True):
        traces.append(style.theory(rates, [stationary_variance(r, 1, 1, m) for r in rates], f"theory, m = {m}", showlegend=False))
        traces.append(dict(type="scatter", x=list(QUADRATIC_RATES), y=style.array(column[result.sizes.index(m)]),
                           mode="markers", name=f"m = {m}", marker=dict(symbol=symbol, size=9, color=style.colour(name)),
                           hovertemplate=f"m = {m}, ελ = %{{x:g}}: variance %{{y:.3g}}<extra></extra>"))
    edge = dict(type="line", x0=2, x1=2, y0=0, y1=1, yref="y domain", line=dict(color=style.colour("warning"), width=2))
    now = dict(type="line", x0=scene.learning_rate, x1=scene.learning_rate, y0=0, y1=1, yref="y domain",
               line=dict(color=style.INK, width=1.5, dash="dot"))
    return style.figure(traces, x="ελ", y="variance of θ, in σ²/λ²", showlegend=False, shapes=[edge, now],
                        xaxis=dict(type="log", range=[np.log10(0.008), np.log10(2.6)], tickvals=[0.01, 0.03, 0.1, 0.3, 1, 2]),
                        yaxis=dict(type="log", nticks=6))


def walks(result: Result, scene: Config) -> go.Figure:
    """One walker a batch size from the same start, with two stationary standard deviations by theory."""
    assert result.quadratic is not None
    column, steps = QUADRATIC_RATES.index(scene.learning_rate), np.arange(lesson.WALK_STEPS + 1)
    traces: list[style.Trace] = []
    for (name, _, _), m in zip(CLOUDS, lesson.pair(scene), strict=True):
        half = 2 * stationary_variance(scene.learning_rate, 1, 1, m) ** 0.5
        traces += [style.theory([0, steps[-1]], [side * half] * 2, f"two standard deviations, m = {m}", showlegend=False)
                   for side in (-1, 1)]
        traces.append(dict(type="scatter", x=steps, y=style.array(result.quadratic.path[result.sizes.index(m), column]),
                           mode="lines", name=f"m = {m}", line=dict(color=style.colour(name), width=2.2),
                           hovertemplate=f"m = {m}, step %{{x}}: θ = %{{y:.3f}}<extra></extra>"))
    return style.figure(traces, x="step", y="θ, in σ/λ", showlegend=False,
                        yaxis=dict(zeroline=True, zerolinecolor=style.colour("axis")))


