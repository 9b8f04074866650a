"""batches: large and small."""

from functools import partial

from core.formatting import format_number, format_percent
from core.lessons.batches.lesson import HELD_OUT, WALKERS, Config, Result, moment_steps, pair, trained_sizes
from core.lessons.batches.noise import variance_factor
from core.lessons.batches.quadratic import simulate_sgd
from core.lessons.batches.words import alt_texts, flatter, risen, setup_alt, summary
from figures.batches import pictures, race
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Eight of 256", "Every dot is one batch's gradient; four times the samples about halve the standard deviation."),
    Preset("One sample", "m = 1: the noise is as large as the samples differ, and batches of four about halve it.",
           dict(batch_size=1)),
    Preset("Half of all", "128 of 256, none of them twice: the noise is 71\u00a0% of what it is with replacement.",
           dict(batch_size=128)),
    Preset("With replacement", "128 draws, some of the same sample: the noise is what it would be for any N, and larger.",
           dict(batch_size=128, replacement=True)),
    Preset("Noise stays", "At the end of training the full gradient is short, but the samples still disagree.",
           dict(moment=10, batch_size=4)),
    Preset("Small steps", "ε = 0.02: at a matched loss all batch sizes find much the same sharpness.",
           dict(learning_rate=0.02, level=0.4, steps=840)),
    Preset("Linear scaling", "ε in proportion to m, 3.2 for the full batch: starts that meet one loss mostly do so flatter.",
           dict(learning_rate=0.05, scale_rate=True, level=0.35)),
]

MATHS = r"""
The lecture's gradient of a mini-batch is a mean, $\hat g=\frac1m\sum_{i=1}^m\nabla_\theta L(f(x^{(i)};\theta),y^{(i)})$. Over all
batches its mean is the full gradient $g$. With $\Sigma=\frac1N\sum_i(\nabla L_i-g)(\nabla L_i-g)^\top$ its covariance is
$$\operatorname{Cov}\hat g=\frac{\Sigma}{m}\ \text{ with replacement},\qquad
\operatorname{Cov}\hat g=\frac{\Sigma}{m}\cdot\frac{N-m}{N-1}\ \text{ without.}$$
The standard deviation goes with $1/\sqrt m$: four times the work, half the noise. The cloud is seen in the plane of the two
leading eigenvectors of $\Sigma$; the ellipses are at two standard deviations along each.

**Noise that stays.** On $L=\frac\lambda2\theta^2$ with gradient noise of variance $\sigma^2/m$, a step
$\theta\leftarrow\theta-\epsilon(\lambda\theta+\xi)$ gives
$\operatorname{Var}\theta\leftarrow(1-\epsilon\lambda)^2\operatorname{Var}\theta+\epsilon^2\sigma^2/m$, which for
$0<\epsilon\lambda<2$ settles at
$$\operatorname{Var}\theta=\frac{\epsilon\,\sigma^2}{m\,\lambda\,(2-\epsilon\lambda)} .$$
For small steps only $\epsilon/m$ counts: a smaller step and a larger batch calm SGD alike.

**Sharpness** is the largest eigenvalue of the Hessian of the whole training loss, by ten steps of Lanczos. It usually changes as
the loss falls, so a comparison after equal steps compares different heights; here each run is also looked at where it first
reaches one and the same loss, or up to 10 % less.

The nets: 2-10-10-1 tanh, mean cross-entropy in nats, $\theta\leftarrow\theta-\epsilon\hat g$ with no momentum, batches of
an epoch drawn without replacement.
"""

REFERENCES = """
- H. Robbins and S. Monro, A Stochastic Approximation Method, *Annals of Mathematical Statistics*, 1951.
- W. G. Cochran, *Sampling Techniques*, 3rd edition, Wiley 1977, chapter 2.
- N. S. Keskar, D. Mudigere, J. Nocedal, M. Smelyanskiy, P. T. P. Tang, On Large-Batch Training for Deep Learning:
  Generalization Gap and Sharp Minima, ICLR 2017.
- P. Goyal et al., *Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour*, 2017, arXiv:1706.02677.
- S. Mandt, M. D. Hoffman, D. M. Blei, Stochastic Gradient Descent as Approximate Bayesian Inference, *JMLR* 2017.
- L. Dinh, R. Pascanu, S. Bengio, Y. Bengio, Sharp Minima Can Generalize For Deep Nets, ICML 2017.
"""


def draw(result: Result, scene: Config) -> Board:
    alt, (few, many) = Texts(lambda: alt_texts(result, scene)), pair(scene)
    ways = ("with replacement", f"without (none at m = {scene.n_samples})")
    if not scene.replacement:
        ways = (f"without replacement (none at m = {scene.n_samples})", "with")
    none = f"; all {many} miss it by nothing" if many == scene.n_samples and not scene.replacement else ""
    waiting = f" The nets are training: {len(result.arms)} of {len(trained_sizes(scene))} batch sizes have begun."
    panels = [
        Panel(id="cloud", figure=lambda: pictures.cloud(result, scene), span=7, rows=2, height="tall", alt=alt["cloud"],
              pair="variance", keyed=False, title=f"Gradients of batches of {few} and of {many}",
              caption=f"Circles: batches of {few}. Diamonds: of {many}. Dashed, bars: ±2 standard deviations by theory. From 0 "
                      "to the star: the gradient of all samples."),
        Panel(id="variance", figure=lambda: pictures.variance(result, scene), span=5, height="short", click=("batch_size", ""),
              title="Variance, noise squared, by batch size", alt=alt["variance"],
              caption=f"Filled: {ways[0]}; rings: {ways[1]}. Dashed: theory. Click to choose m."),
        Panel(id="signal", figure=lambda: pictures.signal(result, scene), span=5, height="short", alt=alt["signal"], keyed=False,
              title="The gradient and its noise in training",
              caption=f"‖g‖: length of the full gradient. m: what a batch misses it by{none}."
                      f"{waiting if result.quadratic is None else ''}"),
    ]
    further: list[Panel] = []
    if result.quadratic is not None:
        steps, epochs, seconds = _clocks(result, scene, alt)
        panels += [steps, epochs]
        further += [seconds, *_quadratic(result, scene, alt)]
    if result.done:
        sharpness, *others = _found(result, scene, alt)
        panels.append(sharpness)
        further = [further[0], *others, *further[1:]]
    return Board(panels=panels, further=further, setup=_setup(result, scene), summary=summary(result, scene),
                 legend=pictures.legend(result, scene),
                 player=Player(labels=[f"full-batch step {s}" for s in moment_steps(scene)], name="Moment", field="moment",
                               autoplay=False, seconds=5.0))


def _setup(result: Result, scene: Config) -> Panel:
    few, how = pair(scene)[0], "with" if scene.replacement else "without"
    return Panel(id="setup", figure=lambda: pictures.setup(result, scene), title=f"Gradients of batches of {few}", keyed=False,
                 caption=f"Every dot: the gradient of one batch, drawn {how} replacement. Star: the full gradient. The noise is "
                 "the dots' standard deviation round it; dashed: two of them.", alt=lambda: setup_alt(result, scene))


def _clocks(result: Result, scene: Config, alt: Texts) -> list[Panel]:
    small = result.arms[0]
    end = format_number(small.step * small.batch_size / scene.n_samples, 3)
    about = {
        "steps": ("Training loss by step", f"Mean of {scene.starts} starts; bands: their range.{risen(result)}"),
        "epochs": ("Training loss by epoch",
                   f"From the first record on. Dotted: where m = {small.batch_size} ends, {end} epochs."),
        "seconds": ("Training loss by processor time",
                    "One update of one net, as timed on this server, times the steps; it varies."),
    }
    return [Panel(id=f"loss-{against}", figure=partial(race.losses, result, scene, against), span=4, title=title,
                  caption=caption, pair="loss-epochs" if against == "steps" else "",
                  alt=alt[f"loss-{against}"]) for against, (title, caption) in about.items()]


def _found(result: Result, scene: Config, alt: Texts) -> list[Panel]:
    """What the batch sizes find: the first leads."""
    assert result.matched is not None
    limit = " Dashed: 2/ε." if race.limit_in_sight(result) else ""
    missing = "" if result.matched.sharpness.isfinite().all() else " Runs never recorded there are left out."
    return [
        Panel(id="sharpness", figure=lambda: race.sharpness(result, scene), span=4, alt=alt["sharpness"], keyed=False,
              title=f"Sharpness at a loss of {scene.level:g} nats",
              caption=f"Where each run first is there. Line: a start; bar: median. {flatter(result, scene)}{missing}{limit}"),
        Panel(id="confounded", figure=lambda: race.confounded(result, scene), span=4, alt=alt["confounded"], pair="held_out",
              title="Why the loss must be matched",
              caption=f"Hollow: after {scene.steps} steps, each at its own loss: not to be compared. Filled: matched, to "
                      f"{format_percent(0.1)}."),
        Panel(id="held_out", figure=lambda: race.held_out(result, scene), span=4, alt=alt["held_out"], keyed=False,
              title=f"Loss on {HELD_OUT} new samples, at matched loss",
              caption=f"Where the training loss is first {scene.level:g}, to {format_percent(0.1)}. "
                      f"Line: a start; bar: median.{missing}"),
    ]


def _quadratic(result: Result, scene: Config, alt: Texts) -> list[Panel]:
    return [
        Panel(id="stationary", figure=lambda: race.stationary(result, scene), span=7, pair="walks",
              title="Where SGD ends on a noisy quadratic",
              caption=f"Dots: {WALKERS} walks. Dashed: εσ²/(mλ(2 − ελ)). Dotted: this ε, with λ = 1. Red: 2, where it diverges.",
              alt=alt["stationary"]),
        Panel(id="walks", figure=lambda: race.walks(result, scene), span=5,
              title=f"One walk each, ελ = {scene.learning_rate:g}",
              caption="Dashed: two standard deviations in the long run, by theory.", alt=alt["walks"]),
    ]


SYMBOLS = {"m": "batch_size", "N": "n_samples", "ε": "learning_rate", "θ": "theta", "ξ": "noise"}

page.show("batches", draw, presets=PRESETS, maths=MATHS, code=(variance_factor, simulate_sgd), symbols=SYMBOLS,
          references=REFERENCES)
