"""The ideas that boards draw, and how far apart their colours are: in both themes and to every common kind of eye."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import combinations

import numpy as np
import plotly.graph_objects as go

from figures import keys, style
from ui import compat
from ui.chart import Board, Figure

NEUTRAL = {"ink", "muted", "grid", "axis", "paper", "soft"}
NAMES = {light.upper(): name for name, (light, _) in style.COLOURS.items() if name not in NEUTRAL}

# What is compared with each other. Ideas of two kinds mean different things.
KINDS = {
    "splits": ("train", "validation", "test"),
    "classes": ("class_a", "class_b", "class_c", "class_d", "class_e"),
    "penalties": ("l1", "l2", "elastic"),
    "normalisations": ("norm_none", "norm_batch", "norm_layer", "norm_group", "norm_instance"),
    "designs": ("plain", "skips"),
    "optimisers": ("sgd", "noisy_sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "newton", "damped_newton",
                   "conjugate_gradient", "lbfgs"),
    "ways to be unsure": ("mc_dropout", "deep_ensemble", "bagging"),
    "thinned models": ("thinned_line", "thinned_layer", "thinned_deep"),
    "noise in training": ("noise_none", "noise_inputs", "noise_weights", "noise_labels"),
    "training sets": ("erm", "mixup", "harmless", "breaking", "synthetic", "moved"),
    "parts of a risk": ("bias", "variance"),
    "losses": ("squared", "hinge", "logistic", "exponential"),
    "guide and guided": ("student", "teacher"),
    "clippings": ("unclipped", "clip_norm", "clip_value"),
    "starts": ("init_constant", "init_zero", "init_normal", "init_xavier", "init_he", "init_orthogonal"),
    "clouds": ("batch", "batch_fourfold"),
    "batch sizes": ("batch_small", "batch_medium", "batch_large", "batch_full"),
    "matrices": ("matrix_layers", "matrix_recurrent", "matrix_orthogonal"),
    "minima": tuple(f"minimum_{i}" for i in range(9)),
    "sharings": ("shared", "unshared", "unshared_wide"),
    "tied tasks": ("task_a", "task_b"),
    "learners of a sum": ("weak_learner", "averaged"),
    "models for several tasks": ("tasks_apart", "tasks_untold", "tasks_joined", "tasks_added", "tasks_gated", "tasks_headed"),
    "ends": ("stopped",),
    "links": ("exact", "approximate"),
    "places": ("best", "warning"),
}
KIND = {name: kind for kind, names in KINDS.items() for name in names}

# The least distances, as ΔE of OKLab. 0.02 can just be seen where two large patches touch (CSS Color 4), but lines and marks are
# small and lie apart. Tableau's ten colours, made for charts, are 0.084 apart: this is asked of ideas of one kind, which stand in
# one picture. Ideas of two kinds are told apart from memory, from picture to picture: half as much again. Without one kind of
# cone space has two dimensions left; Tol's ten muted colours, made for such eyes, are 0.052 apart.
WITHIN, ACROSS, DEFICIENT = 0.08, 0.12, 0.05

NORMAL = "normal vision"
# Linear sRGB to what is seen without one kind of cone: Machado, Oliveira and Fernandes (2009), table 1, severity 1.
EYES = {
    NORMAL: np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}

# Linear sRGB to the cube of OKLab's l, m, s, and their cube roots to L, a, b: Ottosson (2020).
TO_LMS = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                   [0.0883024619, 0.2817188376, 0.6299787005]])
TO_LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
                   [0.0259040371, 0.7827717662, -0.8086757660]])


def linear(colour: str) -> np.ndarray:
    """Linear sRGB of #RRGGBB."""
    s = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


def seen(colour: str, eye: str = NORMAL) -> np.ndarray:
    """Linear sRGB of what an eye sees of #RRGGBB; what a screen cannot show is cut off."""
    return np.clip(EYES[eye] @ linear(colour), 0, 1)


@cache
def oklab(colour: str, eye: str = NORMAL) -> np.ndarray:
    """L, a and b of what an eye sees of #RRGGBB."""
    return TO_LAB @ np.cbrt(TO_LMS @ seen(colour, eye))


def distance(one: str, two: str, eye: str = NORMAL) -> float:
    return float(np.linalg.norm(oklab(one, eye) - oklab(two, eye)))


def ideas(figure: Figure) -> set[str]:
    """The names of the colours that a figure is drawn with, but for those of text and ground."""
    drawn = keys.colours(compat.figure_parts(figure) if isinstance(figure, go.Figure) else figure)
    return {NAMES[colour] for colour in drawn if colour in NAMES}


def ideas_of(boards: Iterable[Board]) -> set[str]:
    return {name for board in boards for panel in (*board.panels, *board.further, board.setup) if panel
            for name in ideas(panel.figure)}


def faults(names: Iterable[str]) -> list[str]:
    """The pairs of ideas that are too close to be on one page, a sentence each."""
    found = []
    for one, two in combinations(sorted(names), 2):
        for at, theme in enumerate(("light", "dark")):
            for eye in EYES:
                least = DEFICIENT if eye != NORMAL else WITHIN if KIND[one] == KIND[two] else ACROSS
                apart = distance(style.COLOURS[one][at], style.COLOURS[two][at], eye)
                if apart < least:
                    found.append(f"{one} and {two} are {apart:.3f} apart, not {least}: {theme} theme, {eye}")
    return found
