"""risk: what we minimise is not what we want."""

from core.lessons.risk import min_norm
from core.lessons.risk.lesson import CAPACITIES, HELD_FROM, NOISES, Config, Result, contains_target
from core.lessons.risk.words import alt_texts, negative, summary
from figures.risk import pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Every sample hit", "Twelve coefficients, twelve samples: J is zero, and the curve is far from the truth."),
    Preset("Too simple", "A parabola cannot follow a wave: J and J* are both several times σ².", dict(at=CAPACITIES.index(3))),
    Preset("About right", "Six coefficients: J* is near its lowest, far below that of twelve.", dict(at=CAPACITIES.index(6))),
    Preset("Far past p = N", "Two hundred coefficients for twelve samples: the fit of least norm hits all and hardly swings.",
           dict(at=len(CAPACITIES) - 1)),
    Preset("No preference for smoothness", "With s = 0 a rough curve costs no more: far past p = N the fit is spiky, and J* "
           "climbs again.",
           dict(smooth=0.0, at=len(CAPACITIES) - 1)),
    Preset("A little ridge", "λ = 0.001 and the peak at p = N is gone: large coefficients cost too much.", dict(ridge=1e-3)),
    Preset("A cubic truth", "The cubic is among the models from p = 4 on: up to N, J and fresh risk average near σ²(1 ∓ p/N).",
           dict(truth="cubic", m=20, at=CAPACITIES.index(20))),
]

MATHS = r"""
**Two risks.** What we want is small on all of $p_{\text{data}}$, what we have are $N$ samples of it:
$$J^*(\theta)=\mathbb E_{(x,y)\sim p_{\text{data}}}\,L(f(x;\theta),y),\qquad
J(\theta)=\frac1N\sum_{i=1}^N L(f(x^{(i)};\theta),y^{(i)}).$$
Here $x$ is uniform on $[-1,1]$, $y=f(x)+\sigma\varepsilon$, $L$ the squared error and $f(x;\theta)=\psi(x)^{\mathrm T}\theta$
with $p$ features, so that $J^*(\theta)=\sigma^2+\mathbb E_x(f(x)-\psi(x)^{\mathrm T}\theta)^2$ is known. The integral is taken by
Gauss–Legendre quadrature, exact for polynomials.

**The fit** minimises $\frac1N\lVert y-\Psi\theta\rVert^2+\lambda\lVert\theta\rVert^2$; at $\lambda=0$ it is $\theta=\Psi^+y$, of
least norm among the best. Polynomial features are $\sqrt{2j+1}\,P_j(x)/(1+j)^s$: the larger $s$, the dearer is a rough curve.

**What the noise does.** Let $H$ be the matrix that maps $y$ to the fitted values. Given the inputs,
$$\mathbb E\,J=\tfrac1N\lVert(I-H)f\rVert^2+\tfrac{\sigma^2}{N}\operatorname{tr}(I-H)^2,\qquad
\mathbb E\,J_{\text{fresh}}=\tfrac1N\lVert(I-H)f\rVert^2+\sigma^2+\tfrac{\sigma^2}{N}\operatorname{tr}H^2,$$
the second on the same inputs with other noise. For $\lambda=0$, $p\le N$ and an $f$ that the model holds these are
$$\sigma^2\Bigl(1-\frac pN\Bigr)\quad\text{and}\quad\sigma^2\Bigl(1+\frac pN\Bigr).$$

**Why it peaks.** With the singular values $s_k$ of $\Psi$ and its right singular vectors $v_k$,
$$\mathbb E\,J^*=\sigma^2+\text{bias}^2+\sigma^2\sum_k\frac{\mathbb E_x(\psi(x)^{\mathrm T}v_k)^2}{s_k^2}\quad(\lambda=0).$$
At $p=N$ the matrix is square and its smallest $s_k$ tends to be tiny: noise is divided by almost nothing. With fewer features
each coefficient rests on several samples. With more, many fits hit every sample, and that of least norm is a good one where a
small norm means a smooth curve ($s>0$).
"""

REFERENCES = """
- I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press 2016, sections 5.2 and 8.1.
- M. Belkin, D. Hsu, S. Ma, S. Mandal, Reconciling modern machine-learning practice and the classical bias–variance trade-off,
  *PNAS* 116, 2019.
- T. Hastie, A. Montanari, S. Rosset, R. Tibshirani, Surprises in high-dimensional ridgeless least squares interpolation,
  *Annals of Statistics* 50, 2022.
- A. Rahimi, B. Recht, Random features for large-scale kernel machines, NIPS 2007.
"""


def draw(result: Result, scene: Config) -> Board:
    said = Texts(lambda: alt_texts(result, scene))
    medians, p = f"Medians of {scene.draws} draws", CAPACITIES[scene.at]
    textbook = contains_target(scene, scene.m) and scene.ridge == 0
    exact = f" From p = {HELD_FROM} to N it is σ²(1 − p/N) and σ²(1 + p/N)." if textbook else ""
    panels = [
        Panel(id="risks", figure=lambda: pictures.risks(result, scene), span=7, height="tall", pair="fit", alt=said["risks"],
              title=f"Risk on {scene.m} samples and on new data", keyed=False,
              caption=lambda: f"{medians} (lines, dots), quartiles shaded. Rings: this draw.{pictures.unseen(result, scene)}"),
        Panel(id="fit", figure=lambda: pictures.hero(result, scene), span=5, height="tall", alt=said["fit"],
              title="This draw of samples, and its fit", keyed=False,
              caption="Dots: samples. Line: the fit, as far as the frame goes. Dashed: the truth, with σ either side."),
        Panel(id="parts", figure=lambda: pictures.parts(result, scene), span=6, title="What J* is made of", alt=said["parts"],
              pair="same", caption=f"Dots: means of {NOISES} draws of noise on this draw's inputs. Theory: σ² and both parts."),
        Panel(id="same", figure=lambda: pictures.same_inputs(result, scene), span=6, title="The same inputs, fresh noise",
              keyed=False, alt=said["same"],
              caption=f"Means of {NOISES} draws of noise on this draw's inputs. Dashed: theory.{exact}"),
    ]
    if result.done:
        panels += [
            Panel(id="learning", figure=lambda: pictures.learning(result, scene), span=5, title=f"More samples, at p = {p}",
                  pair="plane", alt=said["learning"],
                  caption=f"{medians}. Dotted: N = p, if these sizes reach it."),
            Panel(id="plane", figure=lambda: pictures.plane(result, scene), span=7, title="J* at every size and capacity",
                  click=("m", ""), keyed=False, alt=said["plane"],
                  caption=f"{medians}; 100 and more share one colour. Dashed: p = N. Click to set N."),
        ]
    further = [
        Panel(id="gap", figure=lambda: pictures.gap(result, scene), title="The gap J* − J", alt=said["gap"],
              caption=lambda: f"{medians} and quartiles. Diamond: largest. The axis is logarithmic on both sides of "
              f"zero.{negative(result)}"),
    ]
    setup = Panel(id="setup", figure=lambda: pictures.setup(result, scene), title="What a fit is given", alt=said["setup"],
                  keyed=False, caption="J: mean squared error on the samples (dots). J*: that on new data, f (dashed) ± σ. "
                  "p: how many weights are fitted.")
    player = Player(labels=pictures.labels(), name="Capacity p", field="at", autoplay=False, seconds=9.0)
    return Board(panels=panels, further=further, setup=setup, player=player, summary=summary(result, scene),
                 legend=pictures.LEGEND)


SYMBOLS = {"N": "N", "p": "p", "σ": "sigma", "λ": "penalty", "ψ": "psi", "s": "s"}

page.show("risk", draw, presets=PRESETS, maths=MATHS, code=(min_norm.factorise, min_norm.solve, min_norm.expectations),
          symbols=SYMBOLS, references=REFERENCES)
