"""What a reader sees who looks at the bars of regulariser_bench's first picture, and at nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from core.lessons.regulariser_bench import words
from core.lessons.regulariser_bench.lesson import Config, Result
from core.lessons.regulariser_bench.standing import by_verdict, standings
from figures.regulariser_bench import pictures
from ui import compat

NO_REGULARISER = "No regulariser"
PLAIN = {"below": "below", "as good as equal": "equal", "undecided": "open", "above": "above", "diverged": "diverged"}


@dataclass(frozen=True)
class Read:
    headings: tuple[str, ...]
    under: dict[str, str]  # what stands beside a bar -> the heading above it
    bars: dict[str, tuple[float, float]]  # its two ends, as drawn
    margin: float  # to where the shade reaches on either side
    left: float  # of the x axis
    right: float

    def seen(self, name: str) -> str:
        """The verdict, by the bar, the line at zero and the shade alone."""
        low, high = self.bars[name]
        if np.isnan(low):
            return "diverged"
        if high < 0 or low > 0:
            return "below" if high < 0 else "above"
        return "equal" if -self.margin <= low and high <= self.margin else "open"

    @property
    def regularisers(self) -> dict[str, str]:
        """Name -> verdict."""
        return {name: self.seen(name) for name, heading in self.under.items() if heading != NO_REGULARISER}


def read(result: Result, scene: Config) -> Read:
    data, layout = compat.figure_parts(pictures.forest(result, scene))
    band, line, bars = data[:3]
    name, = layout["annotations"]
    assert list(line["x"]) == [0, 0] and name["x"] == 0 and name["text"].startswith("early stopping")
    rows = dict(zip(layout["yaxis"]["tickvals"], layout["yaxis"]["ticktext"], strict=True))
    headings, under, drawn = [], {}, {}
    for y, text in sorted(rows.items()):
        if text.startswith("<b>"):
            headings.append(text[3:-4])
            continue
        at = [k for k in range(0, len(bars["x"]), 3) if bars["y"][k] == y]
        assert len(at) == 1, f"{text} has one bar"
        under[text], drawn[text] = headings[-1], (float(bars["x"][at[0]]), float(bars["x"][at[0] + 1]))
    assert len(bars["x"]) == 3 * len(drawn), "each bar stands beside a name"
    left, right = layout["xaxis"]["range"]
    assert -float(np.min(band["x"])) == float(np.max(band["x"]))
    return Read(tuple(headings), under, drawn, float(np.max(band["x"])), left, right)


def check(result: Result, scene: Config) -> Read:
    """Headings, title, summary, question, challenge and alternative text say of a whole run what its bars show."""
    seen = read(result, scene)
    verdicts = seen.regularisers
    names = {verdict: [name for name, one in verdicts.items() if one == verdict] for verdict in PLAIN.values()}
    below, total = len(names["below"]), len(verdicts)
    for heading in seen.headings[:-1]:
        what, count = heading.lower().split(": ")
        assert names[PLAIN[what]] == [name for name, above in seen.under.items() if above == heading] and int(count) > 0
        assert len(names[PLAIN[what]]) == int(count)
    assert seen.headings[-1] == NO_REGULARISER and [n for n, h in seen.under.items() if h == NO_REGULARISER]
    told = {verdict: [words.called(name) for name in some] for verdict, some in by_verdict(standings(result)).items()}
    assert told == names
    title = words.title(result)
    assert title.startswith("No regulariser ends" if not below else f"{below} of {total} end") and "below early stopping" in title
    _sentence(words.summary(result, scene).split("\n\n")[0], names, total)
    pick = words.predict(result, scene)
    assert pick.right == (("none",) if not below else ("few",) if 2 * below < total else ("many",))
    assert re.findall(r"\d+", pick.why) == [str(below), str(total)]
    said = words.alt_texts(result, scene)["forest"]
    for what, verdict in PLAIN.items():
        assert (f"{what.capitalize()}: " in said) == bool(names[verdict])
    challenge = words.CHALLENGE.check(result, scene, None)
    assert challenge.right == (below >= words.BELOW) and f"{below} of {total} end clearly below" in challenge.words
    return seen


def _sentence(verdict: str, names: dict[str, list[str]], total: int) -> None:
    """The bold sentence has the count that is below, and of the others which verdicts there are and which is that of most."""
    below = len(names["below"])
    count = "None" if not below else "All" if below == total else str(below)
    first, _, rest = verdict.strip("*.").partition("; ")
    assert re.fullmatch(f"{count} of the {total} regularisers ends? clearly below early stopping", first), verdict
    others = {what: len(names[v]) for what, v in PLAIN.items() if v != "below" and names[v]}
    assert {what for what in PLAIN if re.search(rf"\b{what}\b", rest)} == set(others), verdict
    if most := re.search(r"(most|all) are ([a-z ]+?)(,|$)", rest):
        assert others[most[2]] > sum(others.values()) / 2 and (most[1] == "all") == (len(others) == 1), verdict
    elif len(others) > 1:
        assert max(others.values()) <= sum(others.values()) / 2, verdict
    assert ("of the others" in rest or "the other" in rest) == (0 < below < total) or sum(others.values()) == 1
