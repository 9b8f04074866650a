"""One net that trains without end while everything about it can be changed: the playground's run. No screen is known here.

    simulation = Simulation(Setup())
    simulation.advance(500)
    simulation.apply(replace(simulation.setup, l1=0.01))   # from the next update on; nothing else changes
    simulation.advance(500)
    simulation.rewind()                                    # the same start, the same numbers: the same curve

What is minimised is the mean loss of the training set plus α Σ|w| + α/2 Σw², in a mean over what dropout, noise and mixup draw.
L2 has its gradient; L1 is a proximal step after the update (`core.engine.proximal`), decoupled decay multiplies the weights
before it. The gradient is clipped with L2 in it, as `torch.nn.utils.clip_grad_norm_` does. The engine's `Trainer` trains.

Shapes: one model, theta [1, P]; x [1, 2, N]; out [1, C, N].
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import torch
from torch import Tensor

from core.engine import SGD, Loss, Supervised, Trainer, binary_cross_entropy, cross_entropy, hinge, squared
from core.engine.proximal import shrink, step_sizes
from core.playground.data import Problem, features, make
from core.playground.edits import Edit, check, forget_edits, place_of
from core.playground.frozen import held
from core.playground.history import NONE, History, better
from core.playground.measures import Measures
from core.playground.parts import Average, Noisy, network, optimiser_of, remember, restore, schedule_of
from core.playground.setup import LIVE, Setup
from core.playground.streams import Batches, Purpose, Streams, targets

LOOK, FIRST = 100, 10  # updates between two looks at whole sets, for curves and for the rules that stop a run; up to step BEGUN
BEGUN = 500
UNDO = 100  # changes that are remembered
LOSSES: Mapping[str, Loss] = MappingProxyType({"squared": squared, "hinge": hinge})


class Simulation(Measures):
    """One run. `setup` is what it trains with, `problem` what it learns, `history` what it remembers, `step` the updates done.

    `stopped` says why it does not go on: "" (it does), "diverged", "patience", "loss" or "epochs". `changes` are the steps at
    which something was changed while it trained, with the set-up from there on. `cpu_seconds` went into its updates. Raises
    ValueError, in a sentence for the reader, where there is nothing to train on.
    """

    def __init__(self, setup: Setup, assets: Mapping[str, bytes] = MappingProxyType({}), dtype: torch.dtype = torch.float32):
        self.assets, self.dtype = assets, dtype
        self._past: list[Setup | Edit] = []
        self._future: list[Setup | Edit] = []
        self._begin(setup)

    # ---- the set-up

    def apply(self, setup: Setup, assets: Mapping[str, bytes] = MappingProxyType({})) -> bool:
        """Changes the set-up; returns whether that begins a new run. Live fields act from the next update on.

        Raises ValueError and leaves all as it was where the new set-up has nothing to train on."""
        if setup == self.setup:
            return False
        self.assets = {**self.assets, **assets}
        before = self.setup
        fresh = self._take(setup)
        self._past = [*self._past[-UNDO:], before]
        self._future = []
        return fresh

    def edit(self, layer: int, unit: int, source: int, value: float) -> None:
        """Writes a weight, or a unit's bias where source is 0; all counted from 1, the output is the last layer. The run goes on.

        Raises ValueError, in a sentence, where there is no such weight or the value is no number that it can have."""
        edit = Edit(layer, unit, source, value)
        check(edit)
        before = self._write(edit)
        self._past = [*self._past[-UNDO:], before]
        self._future = []

    def _write(self, edit: Edit) -> Edit:
        """Writes it, and returns what takes it back."""
        place = place_of(edit, self.net, self.theta)
        before = edit._replace(value=float(place), step=self.step)
        place.fill_(edit.value)
        if self.history.records[-1].step == self.step:
            self.history.drop_last()
            self._look()
        self.changes.append((self.step, self.setup))
        if self.stopped != "diverged":
            self.stopped = ""
        return before

    def undo(self) -> bool:
        """Takes back the last change, of the set-up or of a weight, if there is one; the run goes on, or begins."""
        return self._travel(self._past, self._future)

    def redo(self) -> bool:
        """Does again what was undone last."""
        return self._travel(self._future, self._past)

    @property
    def can_undo(self) -> bool:
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        return bool(self._future)

    def _travel(self, origin: list[Setup | Edit], other: list[Setup | Edit]) -> bool:
        if not origin:
            return False
        change, before = origin.pop(), self.setup
        if isinstance(change, Edit):
            other.append(self._write(change))
        else:
            self._take(change)
            other.append(before)
        return True

    def _take(self, setup: Setup) -> bool:
        changed = {name for name in setup.controls() if getattr(setup, name) != getattr(self.setup, name)}
        if not changed <= LIVE:
            self._begin(setup)
            return True
        if "points" in changed and setup.data == "drawn":
            self._load(setup)
            if self.problem.outputs != self.net.sizes[-1]:  # a class more, or one less
                self._begin(setup)
                return True
        other = setup.minimised != self.setup.minimised
        self.setup = setup
        self._set()
        if other:
            self.best = self.measure_again(self.history)
        self.changes.append((self.step, setup))
        if self.stopped != "diverged":
            self.stopped = ""
        return False

    # ---- the run

    @property
    def step(self) -> int:
        """Updates done; those before the one that was not finite where the run has diverged."""
        diverged = int(self.trainer.diverged_at[0]) if self.stopped == "diverged" else -1
        return diverged if diverged >= 0 else self.trainer.step

    @property
    def theta(self) -> Tensor:
        """The parameters now, [1, P]; not to be changed."""
        return self.trainer.theta

    def rewind(self) -> None:
        """Back to the start, with the set-up as it is now. The same seed and set-up give the same run."""
        self._begin(self.setup)

    def advance(self, steps: int, seconds: float = math.inf) -> int:
        """Does so many updates, fewer if `seconds` are over or if the run stops; returns how many."""
        until, begun, used = time.perf_counter() + seconds, self.step, time.thread_time()
        while not self.stopped and self.step < begun + steps:
            spacing = FIRST if self.step < BEGUN else LOOK
            before, seen = self.step, (self.batches.epoch, self.batches.offset)
            self.trainer.advance(min(spacing - self.step % spacing, begun + steps - self.step))
            if self.trainer.diverged_at[0] >= 0:
                self.stopped = "diverged"
                self.batches.count(*seen, self.step - before)  # the trainer has taken batches after that step
                break
            if self.step % spacing == 0:
                self._look()
            if time.perf_counter() >= until:
                break
        self.cpu_seconds += time.thread_time() - used
        return self.step - begun

    def advance_epoch(self, seconds: float = math.inf) -> int:
        """To the end of the epoch that is under way, or of the next one where none is."""
        return self.advance(self.batches.left, seconds)

    def go_to(self, place: int) -> None:
        """Takes the run up at one of the history's records, and forgets what came after it."""
        snapshot = self.history.snapshots[place]
        self.history.cut(place)
        self._start_trainer()
        self.trainer.step, self.batches.epoch, self.batches.offset = snapshot.step, snapshot.epoch, snapshot.offset
        self._set()
        restore(snapshot, self.theta, self.trainer.state, self.supervised.stats, self.average)
        self.stopped, self.best = "", snapshot.best
        self.changes = [change for change in self.changes if change[0] <= snapshot.step]
        forget_edits(snapshot.step, self._past, self._future)

    def _begin(self, setup: Setup) -> None:
        self._load(setup)
        self.setup = setup
        self.net = network(setup, self.problem)
        self.mask = self.net.weight_mask(self.dtype)
        self.streams = Streams(setup.seed)
        self.start = self.net.init(self.streams.at(Purpose.START), setup.start, dtype=self.dtype)
        self.batches = Batches(self.streams, lambda: self.trainer.step)
        self.stopped = ""
        self.cpu_seconds = 0.0
        self.changes: list[tuple[int, Setup]] = []
        self.best = NONE
        self._start_trainer()
        forget_edits(-1, self._past, self._future)
        self.history = History(4 * self.net.P * self.start.element_size())
        self._look()

    def _load(self, setup: Setup) -> None:
        problem = make(setup, Streams(setup.seed).at(Purpose.DATA)[0], self.assets)
        self.problem: Problem = problem
        self.x = problem.x.to(self.dtype)
        self.inputs = features(self.x, setup.inputs)

    def _start_trainer(self) -> None:
        """A Trainer at the start."""
        self.average: Average | None = None
        self.supervised = Supervised(self.net, squared, stats=self.net.running_stats(1, self.dtype))
        self.objective = Noisy(self.supervised, self.streams, self.mask, lambda: self.trainer.step)
        self.trainer = Trainer(self.objective, self.start.clone(), SGD(), self.batches, history=2 * LOOK)
        self.batches.epoch = self.batches.offset = 0
        self._remembers: tuple[type, bool] | None = None  # what kind of state the optimiser has
        self._set()

    def _set(self) -> None:
        """Puts what the set-up says into the parts of the run."""
        setup, trainer = self.setup, self.trainer
        loss = setup.minimised
        self.y = targets(self.problem, loss, self.dtype)
        self.loss = LOSSES.get(loss) or (cross_entropy if self.problem.classes > 2 else binary_cross_entropy)
        self.supervised.loss, self.supervised.dropout = self.loss, setup.dropout if self.net.hidden else 0.0
        optimiser = optimiser_of(setup)
        remembers = type(optimiser), isinstance(optimiser, SGD) and optimiser.momentum > 0
        if remembers != self._remembers:
            self._remembers, trainer.state = remembers, optimiser.init(self.theta)
        trainer.optimiser, trainer.schedule = optimiser, schedule_of(setup)
        # What is not asked for costs nothing.
        where = held(self.net, setup.frozen)
        self._held = where.nonzero().squeeze(1) if where.any() else None
        self._free = self.mask * ~where
        trainer.before = [self._before] if setup.clip or setup.decay or self._held is not None else ()
        trainer.project = self._after_step if setup.l1 or self._held is not None else None
        trainer.after = [self._follow] if setup.averaging else ()
        self.objective.set(setup)
        plain = not (setup.weight_noise or setup.dropout or setup.l2)
        trainer.objective = self.supervised if plain else self.objective
        self.batches.set(setup)
        part = self.problem.part("training")
        self.batches.load(self.x[:, :, part], self.inputs[:, :, part], self.y[:, :, part])
        if not setup.averaging:
            self.average = None
        elif self.average is None:
            self.average = Average(self.theta, self.supervised.stats)

    @property
    def rate(self) -> float:
        """The learning rate of the next update."""
        factor = self.trainer.schedule(self.step) if self.trainer.schedule else 1.0
        return self.setup.rate * float(factor)

    def _before(self, _: Trainer, __: Tensor, grad: Tensor) -> None:
        if self._held is not None:
            self._kept = self.theta[:, self._held]
            grad[:, self._held] = 0
        if self.setup.clip:
            grad.mul_(min(1.0, self.setup.clip / (grad.norm().item() + 1e-6)))
        if self.setup.decay:
            self.theta.mul_(1 - self.rate * self.setup.decay * self._free)

    def _after_step(self, theta: Tensor) -> None:
        if self.setup.l1:
            optimiser = replace(self.trainer.optimiser, learning_rate=self.rate)
            shrink(theta, self.setup.l1, step_sizes(optimiser, self.trainer.state), self._free)
        if self._held is not None:  # what an optimiser remembers of the time before would move them
            theta[:, self._held] = self._kept

    def _follow(self, _: Trainer) -> None:
        if self.average is not None:
            self.average.follow(self.theta, self.supervised.stats, 1 - self.setup.averaging)

    # ---- what is remembered, and when it ends

    def _look(self) -> None:
        """Notes the run where the history wants it, and looks whether a rule stops it."""
        record = self.measure()
        self.best = better(self.best, record)
        if self.history.wants(self.step):
            seen = self.batches.epoch, self.batches.offset
            parts = self.theta, self.trainer.state, self.supervised.stats, self.average
            self.history.add(record, remember(self.step, seen, self.best, *parts))
        setup, loss = self.setup, record.loss[1]
        if setup.epochs and record.epoch >= setup.epochs:
            self.stopped = "epochs"
        if setup.until and loss <= setup.until:
            self.stopped = "loss"
        if setup.patience and math.isfinite(loss) and record.epoch - self.best.epoch >= setup.patience:
            self.stopped = "patience"
