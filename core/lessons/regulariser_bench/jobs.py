"""Jobs: each trains the rows of a few regularisers at once.

Row c·S + s of a job is its c-th trial on seed s. All trials of a seed have its samples, its start and its batches; what is random
beside (masks, noise, partners) comes from a stream of the seed that is equal draw by draw. Only bagging's members, and a baseline
that searches starts, begin elsewhere.

Shapes: S seeds, T trials, C trials of a job, K = C·S rows, P parameters, G places, m samples of a batch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

import torch
from torch import Generator, Tensor

from core.engine import L1, L2, Adam, Objective, Penalty, Supervised, Trainer, WeightNoise, cross_entropy, minibatches, spawn
from core.lessons.regulariser_bench.bench import BAGS, MEMBERS, ORDER, RANDOM, STARTS, Bench, Clock, Judge, Told, one_hot
from core.lessons.regulariser_bench.data import pairs_to_tie
from core.lessons.regulariser_bench.methods import BASELINE, CHANGES, METHODS, TRIALS, ByRows, Tying

Batch = tuple[Tensor, Tensor]
BATCH = 32
CHUNK = 10  # updates between two pauses


class Job:
    """Rows of some regularisers; `trials` says how many each has, in order. `told` holds what the records so far found:
    name -> (validation loss, test loss, test error), each [T, S] a record."""

    def __init__(self, bench: Bench, trials: Mapping[str, int]):
        self.bench, self.trials, self.clock = bench, dict(trials), Clock()
        self.C = sum(trials.values())
        ends = list(accumulate(trials.values(), initial=0))
        self.place = {name: slice(a, b) for name, a, b in zip(trials, ends, ends[1:], strict=False)}  # among the C trials
        self.rows = {name: slice(at.start * bench.S, at.stop * bench.S) for name, at in self.place.items()}
        self.theta, self.judge = self.starts(), Judge(bench, self.C)
        self.told: dict[str, list[Told]] = {}
        self.trainer = Trainer(self.objective(), self.theta, Adam(self.rates()), self.batches(), history=1,
                               generators=bench.rngs(RANDOM, self.C))

    def starts(self) -> Tensor:
        return self.bench.mlp.init(self.bench.rngs(STARTS)).repeat(self.C, 1)

    def rates(self) -> Tensor:
        return torch.full((self.C * self.bench.S,), self.bench.rate)

    def objective(self) -> Objective:
        return Supervised(self.bench.mlp, cross_entropy)

    def batches(self) -> Iterator[Batch]:
        for x, y in self.of_seeds():
            yield x.repeat(self.C, 1, 1), y.repeat(self.C, 1, 1)

    def of_seeds(self) -> Iterator[Batch]:
        """Batches [S, d, m] and their labels [S, C, m]."""
        samples = self.bench.samples
        return minibatches(samples.x, one_hot(samples.y, self.bench), BATCH, self.bench.rngs(ORDER), drop_last=True)

    def strengths(self, name: str) -> Tensor:
        """Of a regulariser's rows: all its strengths but off, each for all seeds."""
        return torch.tensor(METHODS[name].strengths[1:]).repeat_interleave(self.bench.S)

    def train(self) -> Iterator[bool]:
        """Pauses of the training: True where the nets have just been judged."""
        self.record()
        yield True
        for record in self.bench.records[1:]:
            while self.trainer.step < record:
                start = time.thread_time()
                self.trainer.advance(min(CHUNK, record - self.trainer.step))
                self.clock.add(start)
                if self.trainer.step < record:
                    yield False
            self.record()
            yield True

    @property
    def trained(self) -> bool:
        return self.trainer.step == self.bench.steps

    def record(self) -> None:
        for name, told in self.look().items():
            self.told.setdefault(name, []).append(told)

    def look(self) -> dict[str, Told]:
        """What the nets are worth now."""
        found = self.judge(self.theta, self.trainer.diverged_at >= 0)
        return {name: Told(*(part[at] for part in found)) for name, at in self.place.items()}

    def says(self, name: str, trial: int, asked: Tensor) -> Tensor:
        """Probabilities [C, G] of a regulariser's trial at places [1, d, G], by the first seed's nets as they are now."""
        row = self.rows[name].start + trial * self.bench.S
        return self.bench.mlp.forward(self.theta[row : row + 1], asked).softmax(1)[0]

    def seconds(self) -> dict[str, float]:
        """Processor seconds that training took each regulariser: its own work, and its part of what rows share."""
        shared = self.clock.whole - sum(self.clock.own.values())
        return {name: self.clock.own.get(name, 0.0) + shared * count / self.C for name, count in self.trials.items()}


class Baseline(Job):
    """Trial 0 is the net of the shared learning rate, which is every regulariser's "off". Its weights are averaged on the way,
    and kept at the records, for those who stop there."""

    def __init__(self, bench: Bench):
        super().__init__(bench, {BASELINE: TRIALS})
        decays = torch.tensor(METHODS["averaging"].strengths[1:]).repeat_interleave(bench.S)
        self.D = len(decays) // bench.S
        self.average, self.weight = self.theta[: bench.S].repeat(self.D, 1), 1 - decays[:, None]
        self.averages = Judge(bench, self.D)
        self.trainer.after = [self._lerp]
        self.kept: list[Tensor] = []  # [P] of the first seed's trial 0, at each record

    def starts(self) -> Tensor:
        if self.bench.tuned != "starts":
            return super().starts()
        others = [spawn([g] * (self.C - 1)) for g in self.bench.rngs(MEMBERS)]
        rngs = [others[s][c] for c in range(self.C - 1) for s in range(self.bench.S)]
        return self.bench.mlp.init([*self.bench.rngs(STARTS), *rngs])

    def rates(self) -> Tensor:
        shared = super().rates()
        if self.bench.tuned == "starts":
            return shared
        return shared * torch.tensor(METHODS[BASELINE].strengths).repeat_interleave(self.bench.S)

    def _lerp(self, trainer: Trainer) -> None:
        start = time.thread_time()
        self.average.lerp_(trainer.theta[: self.bench.S].repeat(self.D, 1), self.weight)
        self.clock.add(start, "averaging")

    def look(self) -> dict[str, Told]:
        self.kept.append(self.theta[0].clone())
        gone = (self.trainer.diverged_at[: self.bench.S] >= 0).repeat(self.D)
        return {**super().look(), "averaging": self.averages(self.average, gone)}

    def says(self, name: str, trial: int, asked: Tensor) -> Tensor:
        if name == "stopping":
            return self.bench.mlp.forward(self.kept[stops(self.bench)[trial]][None], asked).softmax(1)[0]
        if name == "averaging":
            row = trial * self.bench.S
            return self.bench.mlp.forward(self.average[row : row + 1], asked).softmax(1)[0]
        return super().says(name, trial, asked)

    def seconds(self) -> dict[str, float]:
        one = super().seconds()[BASELINE]
        return {BASELINE: one, "off": one / self.C, "averaging": self.clock.own.get("averaging", 0.0)}


def stops(bench: Bench) -> list[int]:
    """The record at which each of early stopping's trials ends."""
    return [bench.records.index(round(part * bench.steps)) for part in METHODS["stopping"].strengths]


class Penalties(Job):
    """Rows with a penalty, or with decay beside the gradient; both act on weights and leave biases free."""

    def __init__(self, bench: Bench, trials: Mapping[str, int]):
        super().__init__(bench, trials)
        self.shrink = 1 - bench.rate * self.strengths("decay")[:, None] * bench.mlp.weight_mask()
        self.trainer.before = [self._decay]

    def _decay(self, trainer: Trainer, value: Tensor, grad: Tensor) -> None:  # noqa: ARG002
        """θ <- (1 − ελ) θ before Adam's step: AdamW."""
        trainer.theta[self.rows["decay"]] *= self.shrink

    def objective(self) -> Objective:
        parts: list[tuple[slice, Penalty]] = [(self.rows["l1"], L1(self.strengths("l1"))),
                                              (self.rows["l2"], L2(self.strengths("l2")))]
        if "tying" in self.rows:
            pairs = pairs_to_tie(self.bench.problem)
            assert pairs is not None
            parts.append((self.rows["tying"], Tying(self.bench.mlp, pairs, self.strengths("tying"))))
        return Supervised(self.bench.mlp, cross_entropy, ByRows(parts))


class Changed(Job):
    """Rows whose batches are changed, each regulariser's own way."""

    def batches(self) -> Iterator[Batch]:
        changes = {name: CHANGES[name](self.strengths(name)) for name in self.trials}
        rngs = {name: self.bench.rngs(RANDOM, count) for name, count in self.trials.items()}
        for x, y in self.of_seeds():
            parts = []
            for name, count in self.trials.items():
                start = time.thread_time()
                parts.append(changes[name](x.repeat(count, 1, 1), y.repeat(count, 1, 1), rngs[name]))
                self.clock.add(start, name)
            yield torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])


class Dropped(Job):
    """Rows with masks on their hidden units."""

    def objective(self) -> Objective:
        return Supervised(self.bench.mlp, cross_entropy, dropout=self.strengths("dropout"))


class Shaken(Job):
    """Rows with noise on their weights."""

    def objective(self) -> Objective:
        return WeightNoise(Supervised(self.bench.mlp, cross_entropy), self.strengths("weights"), ahead=16)


class Bagged(Job):
    """M members for each seed, each with a start and a bag of its own; a trial is the average of the first of them."""

    def __init__(self, bench: Bench):
        self.first = torch.tensor(METHODS["bagging"].strengths[1:], dtype=torch.int64)
        super().__init__(bench, {"bagging": int(self.first[-1])})

    def starts(self) -> Tensor:
        return self.bench.mlp.init(self.of_members(MEMBERS))

    def of_members(self, which: int) -> list[Generator]:
        """One generator for each row."""
        by_seed = [spawn([g] * self.C) for g in self.bench.rngs(which)]
        return [by_seed[s][m] for m in range(self.C) for s in range(self.bench.S)]

    def batches(self) -> Iterator[Batch]:
        samples, n = self.bench.samples, self.bench.samples.y.shape[1]
        bag = torch.stack([torch.randint(n, (n,), generator=g) for g in self.of_members(BAGS)])[:, None]
        x, y = (part.repeat(self.C, 1, 1).gather(-1, bag.expand(-1, part.shape[1], -1))
                for part in (samples.x, one_hot(samples.y, self.bench)))
        return minibatches(x, y, BATCH, self.bench.rngs(ORDER, self.C), drop_last=True)

    def look(self) -> dict[str, Told]:
        said = self.judge.probabilities(self.theta)
        said[self.trainer.diverged_at >= 0] = torch.nan
        mean = said.unflatten(0, (self.C, -1)).cumsum(0)[self.first - 1] / self.first.reshape(-1, 1, 1, 1)
        return {"bagging": self.judge.of(mean.clamp_min(1e-38).log())}

    def says(self, name: str, trial: int, asked: Tensor) -> Tensor:  # noqa: ARG002
        rows = self.theta[:: self.bench.S][: int(self.first[trial])]
        return self.bench.mlp.forward(rows, asked).softmax(1).mean(0)


KINDS = {"penalties": Penalties, "samples": Changed, "dropout": Dropped, "weights": Shaken, "bagging": Bagged}


def other_jobs(bench: Bench, names: Sequence[str]) -> Iterator[Job]:
    """One job after the other, of the named regularisers that do not come with the baseline's."""
    for kind, make in KINDS.items():
        if trials := {name: len(METHODS[name].strengths) - 1 for name in names if METHODS[name].job == kind}:
            yield Bagged(bench) if make is Bagged else make(bench, trials)
