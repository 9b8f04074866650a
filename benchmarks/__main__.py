"""`make bench`: medians with their spread, printed and written to results.json; the README has the worst of each kind."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from benchmarks import app, engine, hall, playground, scenes
from core.catalogue import LESSONS

HERE = Path(__file__).parent
LIMITS = {"engine.K1": "≥ 5", "engine.K8": "≥ 25", "engine.K32": "≥ 50",
          "playground.b10": "≥ 4.5", "playground.b64": "≥ 4", "playground.pictures_per_s": "≥ 15",
          "playground.thirty_per_s": "≥ 1", "playground.left_cpu_s": "≤ 0.05",
          "engine.conv.K8": "≥ 2", "engine.conv.K32": "≥ 3", "scene_ms": "≤ 400 (1,500 with progress)",
          "scene_worst_s": "≤ 5", "step_worst_ms": "≤ 50", "step_worst_any_ms": "≤ 150",
          "rerun": "≤ 1.2", "paint.fresh": "≤ 3.0", "paint.cached": "≤ 1.5", "paint.first": "≤ 1.3",
          "first_visit_kB": "≤ 3,000", "live_per_s": "≥ 10", "hall.follow30": "≤ 2", "hall.follow100": "≤ 4",
          "hall.explore20.first_p95_ms": "≤ 2,000", "hall.explore20.unfairness": "≤ 3", "hall.health_p95_ms": "≤ 300",
          "hall.follow100.health_p95_ms": "≤ 500", "hall.left_cpu_s": "≤ 0.05"}
START, END = "<!-- numbers -->", "<!-- /numbers -->"
Rows = dict[str, tuple[float, float]]  # key -> median and spread


def machine() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {platform.system()}, Python {platform.python_version()}"


def kind_and_lesson(name: str) -> tuple[str, str]:
    """("paint.fresh", "risk") for "paint.fresh.risk"; ("engine.K8", "") for a key that names no lesson."""
    kind, _, slug = name.rpartition(".")
    return (kind, slug) if slug in {entry.slug for entry in LESSONS} else (name, "")


def limit_of(name: str) -> str:
    return LIMITS.get(name) or LIMITS.get(kind_and_lesson(name)[0], "")


def worst_of_each_kind(rows: Rows) -> Rows:
    """Of the keys that differ in the lesson alone the worst: the lowest where a least is wanted, otherwise the highest."""
    worst: dict[str, str] = {}
    for name, (value, _) in rows.items():
        kind = kind_and_lesson(name)[0]
        sign = -1 if limit_of(name).startswith("≥") else 1
        if kind not in worst or sign * value > sign * rows[worst[kind]][0]:
            worst[kind] = name
    return {name: rows[name] for name in worst.values()}


def table(rows: Rows) -> str:
    """The README's table, in Markdown."""
    lines = ["| | worst lesson | median | ± | wanted |", "| --- | --- | ---: | ---: | --- |"]
    for name, (value, spread) in worst_of_each_kind(rows).items():
        kind, slug = kind_and_lesson(name)
        lines.append(f"| `{kind}` | {slug} | {value:,.2f} | {spread:.2f} | {limit_of(name)} |")
    return "\n".join(lines)


def main() -> None:
    print("engine against the tutorial loop and scikit-learn …")
    speeds = engine.measure()
    rivals = ("scikit-learn", *(f"engine.K{K}" for K in engine.SIZES), *(f"engine.conv.K{K}" for K in engine.CONV_SIZES))
    rows = {name: (speeds[name], speeds[f"{name}.spread"] / 2) for name in rivals}
    print("the playground …")
    rows |= playground.measure()
    rows |= {name: app.median_and_spread(values) for name, values in app.measure().items()}
    print("the dearest scenes …")
    rows |= {name: app.median_and_spread(values) for name, values in scenes.measure().items()}
    print("a lecture hall …")
    rows |= {name: app.median_and_spread(values) for name, values in hall.measure().items()}
    results = {name: round(value, 3) for name, (value, _) in rows.items() if name != "scikit-learn"}
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(f"\n{machine()}\n\n{'':36}{'median':>10}{'±':>8}   wanted")
    for name, (value, spread) in rows.items():
        print(f"{name:36}{value:10.2f}{spread:8.2f}   {limit_of(name)}")
    readme = app.ROOT / "README.md"
    before, rest = readme.read_text().split(START)
    measured = f"Measured on {machine()}, on two shared cores. All lessons: `benchmarks/results.json`."
    readme.write_text(before + "\n".join([START, measured, "", table(rows), END]) + rest.split(END)[1])


if __name__ == "__main__":
    main()
