"""Screenshots of pages in headless Chromium, to be looked at: wide, laptop and phone, light and dark.

    python -m scripts.screenshots http://localhost:8501 OUT [path ...] [--size 1280] [--theme light] [--full] [--wait 3]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.browser import chromium, returning

SIZES = {"1920": (1920, 1080), "1280": (1280, 720), "390": (390, 844)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("out", type=Path)
    parser.add_argument("paths", nargs="*", default=[""])
    parser.add_argument("--size", choices=[*SIZES, "all"], default="all")
    parser.add_argument("--theme", choices=["light", "dark", "both"], default="both")
    parser.add_argument("--full", action="store_true", help="the whole page, not only what is seen without scrolling")
    parser.add_argument("--first", action="store_true", help="as a new reader, who is asked to predict first")
    parser.add_argument("--wait", type=float, default=2.5, help="seconds after the charts are drawn")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    sizes = list(SIZES) if args.size == "all" else [args.size]
    themes = ["light", "dark"] if args.theme == "both" else [args.theme]
    with chromium() as browser:
        for path in args.paths:
            for size in sizes:
                for theme in themes:
                    width, height = SIZES[size]
                    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme,
                                            reduced_motion="reduce")
                    if not args.first:
                        page.add_init_script(returning())
                    page.on("console", lambda m: m.type == "error" and print("console:", m.text, file=sys.stderr))
                    page.on("requestfailed", lambda r: print("failed:", r.url, file=sys.stderr))
                    page.on("response", lambda r: r.status >= 400 and print(r.status, r.url, file=sys.stderr))
                    page.on("pageerror", lambda e: print("page error:", e, file=sys.stderr))
                    page.goto(f"{args.url}/{path}")
                    page.wait_for_selector("[data-testid=stMainBlockContainer] h2", timeout=30_000)
                    if path and not path.startswith("?"):
                        page.wait_for_selector(".lab-board[data-drawn]", timeout=30_000)
                    page.wait_for_timeout(args.wait * 1000)
                    if args.full:
                        # Heights follow the viewport's; hold them while it grows.
                        page.evaluate("document.querySelectorAll('.lab-plot').forEach((p) => {"
                                      " p.style.minHeight = `${p.clientHeight}px`; p.style.flex = '0 0 auto'; })")
                        tall = page.evaluate("document.querySelector('[data-testid=stMain]')?.scrollHeight ?? 0")
                        page.set_viewport_size({"width": width, "height": max(height, min(tall, 6000))})
                        page.wait_for_timeout(800)
                    name = (path.split("?")[0] or "home") + (f"-{abs(hash(path)) % 1000}" if "?" in path else "")
                    target = args.out / f"{name}-{size}-{theme}.png"
                    page.screenshot(path=str(target))
                    print(target)
                    page.close()


if __name__ == "__main__":
    main()
