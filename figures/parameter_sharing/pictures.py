"""Pictures of nets that share weights over an image: accuracies, filters, maps, the sum of a weight's uses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core.formatting import format_number
from core.lessons.parameter_sharing import sharing
from core.lessons.parameter_sharing.images import SHIFTS, SIDE, SIZES, Images, ask, mlp, moved
from core.lessons.parameter_sharing.lesson import REACH, Config, Result, size_index
from figures import style
from figures.kinds import Cell, ImageGrid, levels

NAMES = {"shared": "ConvNet", "unshared": "MLP, equal size", "unshared_wide": "MLP, closest accuracy"}
DASH = {"shared": "solid", "unshared": "longdash", "unshared_wide": "dot"}
MARK = {"shared": "circle", "unshared": "square", "unshared_wide": "diamond"}


def places(seen: Images, scene: Config) -> dict[str, int]:
    """Idea -> place of the net; one net where that of equal size is that of closest accuracy too."""
    found = {"shared": 0, "unshared": seen.equal, "unshared_wide": seen.accurate(size_index(scene))}
    if found["unshared"] == found["unshared_wide"]:
        del found["unshared_wide"]
    return found


def legend(result: Result, scene: Config) -> list[tuple[str, str, str]]:
    """The keys of the part that is shown."""
    if result.images:
        return [(NAMES[hue], style.colour(hue), DASH[hue]) for hue in places(result.images, scene)]
    if scene.part == "sequences":
        return []
    return [("task A", style.colour("task_a"), "solid"), ("task B", style.colour("task_b"), "solid"),
            ("closed form", style.INK, "dash")]


def line(x: Any, values_FSX: list[torch.Tensor], hue: str, name: str, x_says: str) -> list[style.Trace]:
    """Mean over seeds, with a band from the lowest seed to the highest, at each moment; values in [0, 1] are told in %."""
    percent = [100 * values for values in values_FSX]
    low, mean, high = ([style.array(part) for part in parts] for parts in
                       zip(*((p.amin(0), p.mean(0), p.amax(0)) for p in percent), strict=True))
    outlines = [np.concatenate([top, bottom[::-1]]) for top, bottom in zip(high, low, strict=True)]
    curve = dict(type="scatter", x=style.array(x), y=mean[-1], name=name, mode="lines+markers", showlegend=False,
                 line=dict(color=style.colour(hue), width=2.6, dash=DASH[hue]), cliponaxis=False,
                 marker=dict(size=8, color=style.colour(hue), symbol=MARK[hue]),
                 hovertemplate=f"{name}, {x_says} %{{x}}: %{{y:.0f}}\u00a0%<extra></extra>")
    return [style.frames(style.band(x, low[-1], high[-1], name, hue), y=outlines), style.frames(curve, y=mean)]


def labels(result: Result) -> list[str]:
    """What the player says of each moment."""
    part = result.images or result.sequences or result.tying
    assert part
    return [f"update {moment.step}" for moment in part.moments]


def shift(seen: Images, scene: Config) -> go.Figure:
    """Accuracy at the training size in view against the shift."""
    at = size_index(scene)
    traces = [t for hue, a in places(seen, scene).items()
              for t in line(np.arange(SHIFTS), [m.accuracy[a, at] for m in seen.moments], hue, NAMES[hue], "shift")]
    return style.figure(traces, x="shift (pixels)", y="right (%)", yaxis_range=[0, 103], showlegend=False,
                        xaxis=dict(tickvals=list(range(SHIFTS)), range=[-0.1, SHIFTS - 0.9]))


def size(seen: Images, scene: Config) -> go.Figure:
    """Accuracy on images that are not moved against the training size."""
    traces = [t for hue, a in places(seen, scene).items()
              for t in line(SIZES, [m.accuracy[a, :, :, 0].T for m in seen.moments], hue, NAMES[hue], "N =")]
    now = dict(type="line", x0=SIZES[size_index(scene)], x1=SIZES[size_index(scene)], y0=0, y1=1, yref="paper",
               line=dict(color=style.MUTED, dash="dot", width=1.5))
    return style.figure(traces, x="training images N", y="right (%)", yaxis_range=[0, 103], showlegend=False, shapes=[now],
                        xaxis=dict(type="log", tickvals=list(SIZES), ticktext=[f"{n:,}" for n in SIZES], range=[1.2, 3.1]))


def budget(seen: Images, scene: Config) -> go.Figure:
    """Accuracy of all nets, moved by 0 and by 2 pixels, against their parameters."""
    at, order = size_index(scene), range(1, len(seen.parameters))
    traces = []
    for d, dash in ((0, "solid"), (2, "dash")):
        mean = 100 * seen.accuracy[:, at, :, d].mean(1)
        says = f"%{{text}}, %{{x:,}} parameters, shift {d}: %{{y:.0f}}\u00a0%<extra></extra>"
        traces.append(dict(type="scatter", x=[seen.parameters[a] for a in order], y=style.array(mean[1:]), mode="lines+markers",
                           text=[f"MLP of {w} hidden units" for w in seen.widths], hovertemplate=says, showlegend=False,
                           line=dict(color=style.MUTED, width=2, dash=dash), marker=dict(size=8, color=style.MUTED)))
        for hue, a in places(seen, scene).items():
            traces.append(dict(type="scatter", x=[seen.parameters[a]], y=[float(mean[a])], mode="markers", showlegend=False,
                               text=[NAMES[hue]], hovertemplate=says, cliponaxis=False,
                               marker=dict(size=14, symbol=MARK[hue] + ("" if d == 0 else "-open"), color=style.colour(hue),
                                           line=dict(width=2.5, color=style.colour(hue)))))
    return style.figure(traces, x="parameters", y="right (%)", yaxis_range=[0, 103], showlegend=False,
                        xaxis=dict(type="log", tickvals=[1000, 2000, 5000], ticktext=["1,000", "2,000", "5,000"],
                                   range=[3.0, 3.95]))


def shown(seen: Images, scene: Config) -> torch.Tensor:
    """The digit where the reader has put it, [1, H, W]."""
    return moved(seen.test_BHW[scene.digit], scene.dx, scene.dy)[None]


def maps(seen: Images, scene: Config) -> ImageGrid:
    """The digit and its maps after the first convolution, all moved by the reader's hand."""
    picture, at = shown(seen, scene), size_index(scene)
    found = sharing.stages(seen.net, seen.theta[0][at : at + 1], picture)[0][0]
    at_rest = sharing.stages(seen.net, seen.theta[0][at : at + 1], seen.test_BHW[scene.digit][None])[0][0]
    top = at_rest.amax((1, 2)).clamp_min(1e-6)
    cells = [Cell(images=levels(picture, 0, 1), labels=("digit",), alt=f"The digit {int(seen.label_B[scene.digit])}.")]
    cells += [Cell(images=levels(one[None], 0, float(t)), labels=(f"map {c + 1}",), alt=f"Map of filter {c + 1}.")
              for c, (one, t) in enumerate(zip(found, top, strict=True))]
    return ImageGrid(cells=tuple(cells[:5]), columns=3, pixelated=True, shift=(scene.dx, scene.dy), reach=REACH,
                     quantity="share of the largest")


def answers(seen: Images, scene: Config) -> dict[str, torch.Tensor]:
    """Idea -> probabilities [10] of the digit where it stands, by the nets of the first seed."""
    at, picture = size_index(scene), shown(seen, scene)
    nets = [seen.net, *map(mlp, seen.widths)]
    return {hue: ask(nets[a], seen.theta[a][at : at + 1], picture)[0, :, 0].softmax(0) for hue, a in places(seen, scene).items()}


def says(seen: Images, scene: Config) -> go.Figure:
    """What each net makes of the digit."""
    traces = [dict(type="bar", x=list(range(10)), y=style.array(100 * p), name=NAMES[hue], showlegend=False,
                   marker=dict(color=style.colour(hue)),
                   hovertemplate=f"{NAMES[hue]}: %{{y:.0f}}\u00a0% for %{{x}}<extra></extra>")
              for hue, p in answers(seen, scene).items()]
    return style.figure(traces, x="class", y="sure (%)", yaxis_range=[0, 103], xaxis=dict(tickvals=list(range(10))),
                        showlegend=False,
                        barmode="group", bargap=0.25)


def filters(seen: Images, scene: Config) -> ImageGrid:
    """The shared filters, and as many of the weight pictures of the MLP of equal size, at each moment."""
    at, equal = size_index(scene), seen.equal
    units = seen.widths[equal - 1] * SIDE**2
    own = torch.stack([m.theta[equal][at, :units].reshape(-1, SIDE, SIDE)[:4] for m in seen.moments], 1)
    shared = torch.stack([next(iter(seen.net.views(m.theta[0][at : at + 1]))).weight[0].reshape(-1, 3, 3)[:4]
                          for m in seen.moments], 1)
    large = shared.repeat_interleave(4, 2).repeat_interleave(4, 3)
    cells = []
    for what, group in (("filter", large), ("unit", own)):
        most = float(group.abs().max().clamp_min(1e-6))
        cells += [Cell(images=levels(w, -most, most), labels=(f"{what} {i + 1}",), alt=f"Weights of {what} {i + 1}.")
                  for i, w in enumerate(group)]
    return ImageGrid(cells=tuple(cells), columns=4, pixelated=True, low=-1, high=1, quantity="weight / largest")


def uses(seen: Images, scene: Config) -> torch.Tensor:
    """What each place adds to the gradient of the first filter's nine weights, [9, H, W]."""
    at = size_index(scene)
    return sharing.uses_of_weights(seen.net, seen.theta[0][at : at + 1], shown(seen, scene)[0], seen.label_B[scene.digit])[0]


def gradient(seen: Images, scene: Config) -> ImageGrid:
    """A picture for each weight of a filter: what every use adds to its gradient; below it the sum."""
    parts = uses(seen, scene)
    most = float(parts.abs().max().clamp_min(1e-12))
    cells = [Cell(images=levels(part[None], -most, most), labels=(format_number(float(part.sum())),),
                  alt="What each place adds to the gradient of one weight.") for part in parts]
    return ImageGrid(cells=tuple(cells), columns=3, pixelated=True, low=-most, high=most, quantity="part of dJ/dw")


def equivariance(seen: Images, scene: Config) -> go.Figure:
    """How far the maps of the second convolution are from moving with the picture."""
    at, traces = size_index(scene), []
    table = sharing.equivariance_table(seen.net, seen.theta[0][at : at + 1], seen.test_BHW[:16], SHIFTS)
    for mode, dash, symbol in (("circular", "solid", "circle"), ("zeros", "dot", "square")):
        for stage, hue in ((0, "muted"), (2, "shared")):
            traces.append(dict(type="scatter", x=list(range(SHIFTS)), y=style.array(100 * table[mode][stage]),
                               mode="lines+markers",
                               line=dict(color=style.colour(hue), dash=dash, width=2.4), showlegend=False, cliponaxis=False,
                               marker=dict(size=10, symbol=symbol, color=style.colour(hue)),
                               hovertemplate=f"{sharing.STAGES[stage]}, {mode}: %{{y:.2g}}\u00a0%<extra></extra>"))
    # Between odd shifts, at which pooled maps cannot follow, the picture is free.
    notes = [style.label(2, y, text, hue) | dict(xanchor="center", xshift=0)
             for y, text, hue in ((97, "second convolution", "shared"), (88, "first convolution", "muted"))]
    return style.figure(traces, x="shift (pixels, wrapped around)", y="off by (%)", yaxis_range=[-4, 103], showlegend=False,
                        xaxis=dict(tickvals=list(range(SHIFTS)), range=[-0.1, SHIFTS - 0.9]), annotations=notes)


def leak(seen: Images, scene: Config) -> ImageGrid:
    """What the second convolution makes of a blank picture, with both kinds of padding; of the map that varies most."""
    at, blank = size_index(scene), torch.zeros(1, SIDE, SIDE)
    both = [sharing.stages(replace(seen.net, padding_mode=mode), seen.theta[0][at : at + 1], blank)[2][0]
            for mode in ("circular", "zeros")]
    which = int(both[1].flatten(1).std(1).argmax())
    top = max(float(maps[which].max()) for maps in both) or 1.0
    return ImageGrid(cells=tuple(Cell(images=levels(maps[which][None], 0, top), labels=(mode,), alt=f"Map with {mode} padding.")
                                 for maps, mode in zip(both, ("circular", "zeros"), strict=True)),
                     columns=2, pixelated=True, quantity="share of the largest")


def setup(seen: Images, scene: Config) -> ImageGrid:
    """Test digits in their frame, and the same moved by 2 pixels."""
    some = seen.test_BHW[scene.digit : scene.digit + 1]
    pair = torch.cat([some, moved(some, 2, 0)])
    return ImageGrid(cells=tuple(Cell(images=levels(one[None], 0, 1), labels=(text,), alt=text)
                                 for one, text in zip(pair, ("as trained on", "moved by 2 pixels"), strict=True)),
                     columns=2, pixelated=True)


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """The home page's small picture: accuracy against the shift."""
    assert result.images is not None
    marks = [style.mark("line", range(SHIFTS), result.images.accuracy[a, size_index(scene)].mean(0), hue, width=4)
             for hue, a in places(result.images, scene).items()]
    return style.thumbnail(*marks, x=(0, SHIFTS - 1), y=(0, 1))

