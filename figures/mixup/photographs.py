"""Two photographs and their label at every λ."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import plotly.graph_objects as go

from core.data import real
from core.data.real import Picture
from core.lessons.mixup.lesson import PAIRS, Config, Uploaded, pair, places
from figures import style
from figures.wire import Blob, image_blob

# The frame that moving traces are made at. The player replaces it, and a board whose bytes do not depend on where the
# player stands is not sent again when the hand rests.
OPENING = Config().frame


@lru_cache(maxsize=1)
def album() -> dict[str, tuple[Picture, Blob, Blob]]:
    """Every picture, whole and at half its size."""
    return {name: _page(picture) for name, picture in real.pictures().items()}


def _page(picture: Picture) -> tuple[Picture, Blob, Blob]:
    pixels = picture.image_HWC.numpy()
    small = pixels.reshape(80, 2, 80, 2, -1).mean((1, 3)).round().astype(np.uint8)
    return picture, image_blob(pixels), image_blob(small)


def pictures(scene: Config, uploaded: Uploaded = (None, None)) -> go.Figure:
    """x̃ large, x_i and x_j small. The browser mixes: x_i lies on x_j with opacity λ, which is λ x_i + (1 − λ) x_j."""
    i, j = (_page(own) if own else album()[name] for own, name in zip(uploaded, PAIRS[scene.pair], strict=True))
    share = places().numpy()
    whole = dict(hoverinfo="skip", zsmooth="fast")
    names = i[0].label, j[0].label
    text = [[f"x̃ = {s:.2f} · {names[0]} + {1 - s:.2f} · {names[1]}"] for s in share]
    traces = [
        dict(type="image", source=j[1], **whole),
        style.frames(dict(type="image", source=i[1], opacity=float(share[OPENING]), **whole), opacity=list(share)),
        style.frames(_caption(text[OPENING][0], 160), text=text),
        dict(type="image", source=i[2], xaxis="x2", yaxis="y2", **whole),
        _caption(f"x<sub>i</sub>: {names[0]}, y<sub>i</sub> = [1, 0]", 80, xaxis="x2", yaxis="y2"),
        dict(type="image", source=j[2], xaxis="x3", yaxis="y3", **whole),
        _caption(f"x<sub>j</sub>: {names[1]}, y<sub>j</sub> = [0, 1]", 80, xaxis="x3", yaxis="y3"),
    ]
    bare = dict(visible=False, constrain="domain", fixedrange=True)
    out = style.figure(traces, showlegend=False, dragmode=False)
    layout = {"": (160, (0, 0.66), (0, 1)), "2": (80, (0.69, 1), (0.52, 1)), "3": (80, (0.69, 1), (0, 0.48))}
    for number, (side, x, y) in layout.items():
        pad = 0.1 if number == "" else 0.2
        out.update_layout({
            f"xaxis{number}": dict(**bare, domain=x, range=[-0.5, side - 0.5], anchor=f"y{number}"),
            f"yaxis{number}": dict(**bare, domain=y, range=[side * (1 + pad) - 0.5, -0.5], anchor=f"x{number}",
                                   scaleanchor=f"x{number}", constraintoward="top"),
        })
    return out


def _caption(text: str, side: int, **where: str) -> style.Trace:
    return dict(type="scatter", x=[side / 2], y=[side * (1.05 if side > 100 else 1.1)], text=[text], mode="text",
                hoverinfo="skip", cliponaxis=False, **where)


def mixed_label(scene: Config, uploaded: Uploaded = (None, None)) -> go.Figure:
    """ỹ at every λ, as bars."""
    share = places().numpy()
    heights = np.stack([1 - share, share], 1)
    i, j = pair(scene, uploaded)
    text = [[f"{v:.2f}" for v in row] for row in heights]
    bars = dict(type="bar", x=style.array(heights[OPENING]), y=[j.label, i.label], orientation="h", text=text[OPENING],
                textposition="outside", cliponaxis=False, width=0.62,
                marker=dict(color=style.colour("mixup")),
                hovertemplate="ỹ of %{y}: %{x:.2f}<extra></extra>")
    return style.figure([style.frames(bars, x=heights, text=text)], x="label ỹ", xaxis_range=[0, 1.12],
                        xaxis_tickvals=[0, 0.25, 0.5, 0.75, 1], showlegend=False)
