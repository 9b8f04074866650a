"""All that can be set in the playground, as one Scene: link, widgets and what a Simulation is told.

`LIVE` names the fields that take effect at the next update and leave everything else alone; any other begins a new run.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.controls import InvalidValue, choice, choices, decades, grid, number, numbers, switch
from core.drawings import points, upload
from core.lesson import Scene
from core.playground.frozen import frozen
from core.uploads import PointsForm

DATA = {"circles": "Circles", "xor": "XOR", "gaussians": "Two Gaussians", "spiral": "Spiral", "moons": "Moons",
        "blobs": "Three Gaussians", "arms": "Spiral, three arms", "blobs4": "Four Gaussians", "pinwheel": "Pinwheel, five arms",
        "plane": "Regression: a plane", "hills": "Regression: hills",
        "drawn": "Drawn by hand", "cancer": "Breast cancer", "own": "A file of one's own"}
REGRESSION = ("plane", "hills")
MADE = ("circles", "xor", "gaussians", "spiral", "moons", "blobs", "arms", "blobs4", "pinwheel", "plane", "hills")
INPUTS = {"x1": "x₁", "x2": "x₂", "x1x1": "x₁²", "x2x2": "x₂²", "x1x2": "x₁x₂", "sin1": "sin x₁", "sin2": "sin x₂"}
ACTIVATIONS = {"tanh": "tanh", "relu": "ReLU", "leaky_relu": "leaky ReLU", "sigmoid": "sigmoid", "linear": "linear"}
EACH = "each"  # in the place of an activation: each layer has its own
NORMS = {"none": "none", "batch": "batch norm", "layer": "layer norm"}
STARTS = {"torch": "PyTorch's", "xavier": "Xavier", "he": "He", "normal": "normal, σ = 1", "zero": "all zero"}
METHODS = {"sgd": "SGD", "momentum": "Momentum", "nesterov": "Nesterov", "adagrad": "AdaGrad", "rmsprop": "RMSProp",
           "adam": "Adam"}
SCHEDULES = {"constant": "constant", "step": "step: a tenth", "cosine": "cosine to 0", "warmup": "warm-up"}
LOSSES = {"cross_entropy": "Cross-entropy", "squared": "Squared", "hinge": "Hinge"}
HIDDEN = ("activation", "norm", "skips", "dropout")  # fields about hidden layers
CLASSES = 5  # that can be drawn
STRENGTHS = (0.0, *decades(-5, 0, (1, 3)))
RATES = decades(-4, 1, (1, 3))
SIGMAS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
SHARES = dict(low=0.0, high=0.9, step=0.1)

# A ring of one class round a cloud of another, so that there is something to be drawn on.
_CLOUD = ((450, 560), (512, 470), (580, 540), (500, 600), (540, 500), (470, 500))
_RING = ((250, 500), (300, 700), (460, 790), (640, 760), (770, 610), (780, 430), (660, 280), (480, 240), (320, 320))
OPENING = (*((i, j, 0) for i, j in _CLOUD), *((i, j, 1) for i, j in _RING))

LIVE = frozenset({"points", "frozen", "method", "rate", "alpha", "schedule", "horizon", "batch", "clip", "loss", "l1", "l2",
                  "decay", "dropout", "input_noise", "weight_noise", "smoothing", "mixup", "averaging", "patience", "until",
                  "epochs"})


@dataclass(frozen=True, kw_only=True)
class Setup(Scene):
    """The set-up of one run; see `LIVE` for what may change while it trains."""

    data: str = choice("circles", label="Data", options=DATA)
    noise: float = number(0.1, low=0.0, high=1.0, step=0.05, label="Noise of the data", when=("data", MADE),
                          help="Standard deviation, on axes from −3 to 3.")
    samples: int = number(300, low=20, high=1000, step=20, label="Samples", more=True, when=("data", (*MADE, "cancer", "own")))
    share: int = number(50, low=10, high=80, step=10, label="Share for training", unit="%", more=True,
                        when=("data", (*MADE, "cancer", "own")),
                        help="Half of the rest is the validation set, the other half the test set.")
    points: tuple[tuple[int, int, int], ...] = points(OPENING, classes=CLASSES, label="Drawn points")
    own: str = upload(PointsForm(), label="Points of your own (CSV)", when=("data", ("own",)))
    inputs: tuple[str, ...] = choices(("x1", "x2"), label="Inputs", options=INPUTS)
    hidden: tuple[float, ...] = numbers((6.0, 4.0), low=1, high=32, least=0, most=6, label="Hidden layers",
                                        help="Units of each, 1 to 32, up to six layers: “8, 4”. None at all is a linear model.")
    activation: str = choice("tanh", label="Activation", options=ACTIVATIONS | {EACH: "by layer"})
    activation1: str = choice("tanh", label="Activation of layer 1", options=ACTIVATIONS, when=("activation", (EACH,)))
    activation2: str = choice("tanh", label="of layer 2", options=ACTIVATIONS, when=("activation", (EACH,)))
    activation3: str = choice("tanh", label="of layer 3", options=ACTIVATIONS, when=("activation", (EACH,)))
    activation4: str = choice("tanh", label="of layer 4", options=ACTIVATIONS, when=("activation", (EACH,)))
    activation5: str = choice("tanh", label="of layer 5", options=ACTIVATIONS, when=("activation", (EACH,)))
    activation6: str = choice("tanh", label="of layer 6", options=ACTIVATIONS, when=("activation", (EACH,)))
    norm: str = choice("none", label="Norm", options=NORMS, more=True)
    skips: bool = switch(False, label="Skips", more=True, help="A layer adds its input where both are of one width.")
    frozen: tuple[tuple[int, ...], ...] = frozen(label="Held weights")
    start: str = choice("torch", label="Start", options=STARTS, more=True)
    method: str = choice("sgd", label="Method", options=METHODS)
    rate: float = grid(0.1, values=RATES, label="Learning rate ε")
    alpha: float = number(0.9, low=0.0, high=0.95, step=0.05, label="Momentum α", when=("method", ("momentum", "nesterov")))
    schedule: str = choice("constant", label="Schedule", options=SCHEDULES, more=True)
    horizon: int = grid(1000, values=(100, 200, 500, 1000, 2000, 5000, 10000), label="Schedule's length", unit="steps", more=True,
                        when=("schedule", ("step", "cosine", "warmup")))
    batch: int = grid(10, values=(1, 2, 5, 10, 20, 50, 100, 1000), label="Batch size m",
                       help="1000: all samples.")
    clip: float = grid(0.0, values=(0.0, 0.1, 0.3, 1.0, 3.0, 10.0), label="Clip the gradient's norm", more=True,
                       help="0: no clipping.")
    loss: str = choice("cross_entropy", label="Loss", options=LOSSES,
                       help="The curves so far are measured anew in the loss that is chosen.",
                       when=("data", tuple(d for d in DATA if d not in REGRESSION)))
    l1: float = grid(0.0, values=STRENGTHS, label="L1",
                     help="α Σ|w|, by proximal steps: weights are exactly zero, and may come back.")
    l2: float = grid(0.0, values=STRENGTHS, label="L2", help="α/2 Σw²; biases are free.")
    decay: float = grid(0.0, values=STRENGTHS, label="Weight decay λ", more=True,
                        help="Decoupled: w ← (1 − ελ) w, no term of the objective.")
    dropout: float = number(0.0, label="Dropout", **SHARES, help="P(drop) of a hidden unit.")
    input_noise: float = grid(0.0, values=SIGMAS, label="Noise on inputs σ")
    weight_noise: float = grid(0.0, values=SIGMAS, label="Noise on weights σ", more=True)
    smoothing: float = number(0.0, label="Label smoothing", **SHARES, more=True, when=("loss", ("cross_entropy",)),
                              help="ε, spread over all classes.")
    mixup: float = grid(0.0, values=(0.0, 0.1, 0.2, 0.5, 1.0, 2.0), label="Mixup α", more=True,
                        when=("loss", ("cross_entropy", "squared")), help="λ ~ Beta(α, α); 0: none.")
    averaging: float = grid(0.0, values=(0.0, 0.9, 0.99, 0.999), label="Average the weights β", more=True,
                            help="Exponential moving average; 0: none.")
    patience: int = grid(0, values=(0, 5, 10, 20, 50, 100, 200), label="Patience", unit="epochs", more=True,
                         help="Stop when the validation loss has not fallen for so long; 0: never.")
    until: float = grid(0.0, values=(0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3), label="Stop at validation loss", more=True,
                        help="0: never.")
    epochs: int = grid(0, values=(0, 10, 20, 50, 100, 200, 500, 1000), label="Stop after", unit="epochs", more=True,
                       help="0: never.")

    def rules(self) -> None:
        if any(width != int(width) for width in self.hidden):
            raise InvalidValue("hidden", "units are counted in whole numbers")

    def matters(self, name: str) -> bool:
        """A layer's activation matters where there is such a layer, and what is about hidden layers where there is one."""
        if name in HIDDEN and not self.hidden:
            return False
        if self.regression and name in ("smoothing", "mixup"):  # its loss is squared, whatever `loss` says
            return name == "mixup"
        layer = name.removeprefix("activation")
        return super().matters(name) and not (layer.isdigit() and int(layer) > len(self.hidden))

    @property
    def activations(self) -> tuple[str, ...]:
        """The activation of each hidden layer."""
        each = self.activation == EACH
        return tuple(getattr(self, f"activation{k + 1}") if each else self.activation for k in range(len(self.hidden)))

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of each hidden layer."""
        return tuple(int(width) for width in self.hidden)

    @property
    def regression(self) -> bool:
        return self.data in REGRESSION

    @property
    def minimised(self) -> str:
        """The loss that is minimised: squared for a regression, whatever `loss` says."""
        return "squared" if self.regression else self.loss

    def used(self, name: str) -> float:
        """A strength, 0 where it does not matter in this set-up."""
        return getattr(self, name) if self.matters(name) else 0.0
