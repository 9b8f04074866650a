"""`make bench`: medians with their spread, printed, and written to benchmarks/results.json and the README's table."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from benchmarks import app, engine, scenes

HERE = Path(__file__).parent
LIMITS = {"engine.K1": "≥ 5", "engine.K8": "≥ 25", "engine.K32": "≥ 50",
          "engine.conv.K8": "≥ 2", "engine.conv.K32": "≥ 3", "scene_ms": "≤ 400 (1,500 with progress)",
          "scene_worst_s": "≤ 5", "step_worst_ms": "≤ 50", "step_worst_any_ms": "≤ 150", "rerun": "≤ 1.2", "paint.fresh": "≤ 3.0", "paint.cached": "≤ 1.5"}
START, END = "<!-- numbers -->", "<!-- /numbers -->"


def machine() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {platform.system()}, Python {platform.python_version()}"


def main() -> None:
    print("engine against the tutorial loop and scikit-learn …")
    speeds = engine.measure()
    rivals = ("scikit-learn", *(f"engine.K{K}" for K in engine.SIZES), *(f"engine.conv.K{K}" for K in engine.CONV_SIZES))
    rows = {name: (speeds[name], speeds[f"{name}.spread"] / 2) for name in rivals}
    rows |= {name: app.median_and_spread(values) for name, values in app.measure().items()}
    print("the dearest scenes …")
    rows |= {name: app.median_and_spread(values) for name, values in scenes.measure().items()}
    results = {name: round(value, 3) for name, (value, _) in rows.items() if name != "scikit-learn"}
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(f"\n{machine()}\n\n{'':36}{'median':>10}{'±':>8}   wanted")
    table = [f"Measured on {machine()}, on two shared cores.", "", "| | median | ± | wanted |", "| --- | ---: | ---: | --- |"]
    for name, (value, spread) in rows.items():
        limit = LIMITS.get(name) or LIMITS.get(name.rsplit(".", 1)[0], "")
        print(f"{name:36}{value:10.2f}{spread:8.2f}   {limit}")
        table.append(f"| `{name}` | {value:.2f} | {spread:.2f} | {limit} |")
    readme = app.ROOT / "README.md"
    before, rest = readme.read_text().split(START)
    readme.write_text(before + START + "\n" + "\n".join(table) + "\n" + END + rest.split(END)[1])


if __name__ == "__main__":
    main()
