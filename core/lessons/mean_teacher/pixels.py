"""Three nets learn to segment images of which a few are labelled: cell nuclei, or an instrument in a simulated clip.

As on two moons: a student with its teacher, and a net that learns alone from the same start and the same labelled images; S pairs
at once, each on data of its own. Dice is 2|A ∩ B|/(|A| + |B|) of a mask and the truth.

Shapes: A nets (alone, student, teacher), S seeds, R records, N images, F frames of the clip, H × W pixels.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.engine import Adam, Autograd, SegmentationNet, Trainer
from core.lessons.mean_teacher import clip, tiles
from core.lessons.mean_teacher.masks import (
    Images,
    MaskConsistency,
    dice,
    labelled_batches,
    logits,
    sample,
    see,
    supervised,
    unlabelled_batches,
)
from core.lessons.mean_teacher.scene import LEARNING_RATE, SEEDS, UPDATES, Config, Result, streams
from core.lessons.mean_teacher.teacher import Teacher, ramp

WIDTHS = (4, 8)
RECORDS, BREATH = 10, 5  # looks at a run, and updates between two breaths of a worker
SHOWN = 3  # test tiles that are drawn
EVERY = 4  # of the clip's frames one is scored while the nets train
UNSEEN = 4  # unlabelled images of each seed on which errors are counted


@dataclass(frozen=True)
class MaskResult(Result):
    """On images. What is drawn is of the first pair of seeds."""

    images: Images
    shown: Tensor  # [N, C, H, W] test images that are drawn: SHOWN tiles, or all frames of the clip
    truth: Tensor  # [N, 1, H, W] bool
    masks: Tensor  # [R, A, N, H, W] bool: at each record of the tiles, at the newest alone of the clip (R = 1)
    film: Tensor  # [A, N] Dice of each image that is drawn, at the newest record
    view: tuple[Tensor, ...]  # one unlabelled image x, T x [C, H, W], T⁻¹ p, p' and the pixels inside [H, W]


def network(images: Images) -> SegmentationNet:
    return SegmentationNet(images.labelled.shape[2], WIDTHS)


def make_images(config: Config, rngs: list[torch.Generator], playback: torch.Generator) -> Images:
    return clip.make_clip(config.images, rngs, playback) if config.data == "clip" else tiles.make_tiles(config.images, rngs)


class MaskRun:
    """What is trained: S nets alone, S students from the same start, and S teachers."""

    def __init__(self, config: Config):
        data_rngs, start_rngs, noise_rngs, view_rngs, pick_rngs, play_rngs = streams(config, 6)
        self.config = config
        self.images = make_images(config, data_rngs, play_rngs[0])
        self.net = network(self.images)
        theta = self.net.init(start_rngs)
        self.teacher = Teacher(theta, config.decay)
        self.objective = MaskConsistency(self.net, unlabelled_batches(self.images, config.strength, noise_rngs), self.teacher,
                                         self.weight)
        ours, theirs = itertools.tee(labelled_batches(self.images, config.strength if config.augment else 0.0, pick_rngs))
        alone = Autograd(lambda theta, batch, _: supervised(self.net, theta, batch))
        self.alone = Trainer(alone, theta.clone(), Adam(LEARNING_RATE), ours, history=UPDATES)
        self.trainer = Trainer(self.objective, theta, Adam(LEARNING_RATE), theirs, after=[self.teacher], history=UPDATES)
        self.records: list[tuple[Tensor, ...]] = []
        self.looked: list[Tensor] = []  # masks [A, N, H, W]
        self.film = torch.zeros(0)
        self.z = torch.randn(1, 7, generator=view_rngs[0], dtype=torch.float64)

    def weight(self, step: int) -> float:
        """The consistency weight w_t at update `step`."""
        return self.config.weight * ramp(step, self.config.ramp)

    def advance(self, n: int) -> None:
        """n updates of every net."""
        self.alone.advance(n)
        self.trainer.advance(n)

    def everyone(self) -> Tensor:
        """All nets [A, S, P]."""
        return torch.stack([self.alone.theta, self.trainer.theta, self.teacher.theta])

    def predict(self, x: Tensor) -> Tensor:
        """Probabilities [A, S, N, 1, H, W] of images x [S, N, C, H, W]."""
        return torch.stack([torch.sigmoid(logits(self.net, theta, x.flatten(0, 1))).unflatten(0, x.shape[:2])
                            for theta in self.everyone()])

    def first(self, x: Tensor) -> Tensor:
        """Probabilities [A, N, H, W] of the first seed's nets on images x [N, C, H, W]."""
        return torch.cat([torch.sigmoid(logits(self.net, theta[:1], x))[:, 0][None] for theta in self.everyone()])

    @property
    def drawn(self) -> tuple[Tensor, Tensor]:
        """Test images of the first pair that are drawn, and their masks."""
        count = None if self.config.data == "clip" else SHOWN
        return self.images.test[0][:count], self.images.truth[0][:count]

    @torch.no_grad()
    def look(self) -> None:
        """Record how good the nets are, and their masks."""
        every = EVERY if self.config.data == "clip" else 1
        test, truth = (part[:, ::every].expand(SEEDS, -1, -1, -1, -1) for part in (self.images.test, self.images.truth))
        score = dice(self.predict(test), truth).mean(-1)
        said = self.predict(self.images.unlabelled[:, :UNSEEN]) > 0.5
        off = said != (self.images.hidden[:, :UNSEEN] > 0.5)
        agree = said[1] == said[2]
        parts = (agree, agree & off[2], off[0])
        self.records.append((torch.tensor(self.trainer.step), score, *(part.float().mean((1, 2, 3, 4)) for part in parts)))
        x, y = self.drawn
        p = self.first(x)
        self.looked = [*self.looked, p > 0.5] if self.config.data != "clip" else [p > 0.5]
        self.film = dice(p[:, :, None], y)

    @torch.no_grad()
    def view(self) -> tuple[Tensor, ...]:
        """One unlabelled image for the teacher and for the student, their predictions in its pixels, and where they count."""
        seen = see(self.images.unlabelled[0, :1], self.z, self.config.strength)
        student, teacher = self.trainer.theta[:1], self.teacher.theta[:1]
        back = sample(torch.sigmoid(logits(self.net, student, seen.moved)), seen.at)
        target = torch.sigmoid(logits(self.net, teacher, seen.x))
        return seen.x[0], seen.moved[0], back[0, 0], target[0, 0], seen.inside[0, 0]

    def result(self) -> MaskResult:
        recorded, score, agree, confirmed, mistaken = (torch.stack(part) for part in zip(*self.records, strict=True))
        cost = torch.stack(self.objective.cost) if self.objective.cost else torch.zeros(0, SEEDS)
        shown, truth = self.drawn
        return MaskResult(step=self.trainer.step, recorded=recorded, score=score, agree=agree, confirmed=confirmed,
                          mistaken=mistaken, cost=cost.clone(), loss=torch.stack([self.alone.losses, self.trainer.losses], 1),
                          images=self.images, shown=shown, truth=truth > 0.5, masks=torch.stack(self.looked), film=self.film,
                          view=self.view())


def steps(config: Config) -> Iterator[MaskResult]:
    """A look at every tenth of the run; the last result again between two looks, for a worker to breathe."""
    run = MaskRun(config)
    run.look()
    result = run.result()
    yield result
    for _ in range(RECORDS):
        for left in range(UPDATES // RECORDS, 0, -BREATH):
            run.advance(min(BREATH, left))
            if left > BREATH:
                yield result
        run.look()
        result = run.result()
        yield result
