"""Pictures of every page in both themes and two sizes, to be looked at: ``python -m tests.browser.screenshots DIR``.

The demo is made in ``DIR/workspaces`` and taken the whole road, checked and trained, unless it is there already; with
``--workspaces`` another folder of workspaces is shown instead. A page is drawn to its full height below the window's.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from influencespace.curation.options import VerifyOptions
from influencespace.evaluation.ablation_options import AblationOptions
from influencespace.stages import build_demo, run_stages
from influencespace.training.options import TrainOptions
from tests.browser import visiting

PAGES = ("Data", "Clusters", "Influence", "Curate", "Train", "Results", "Ablations", "Export")
SIZES = {"small": (1280, 720), "large": (1920, 1080)}
THEMES = ("light", "dark")
SEEDS = 3
# Whether all maps are painted, all photos in sight are there, and nothing stands for what is still to come.
IN_PLACE = """() => {
  const found = { canvas: [], img: [], skeleton: [] }
  const walk = root => {
    found.canvas.push(...root.querySelectorAll("canvas[role=img]"))
    found.img.push(...root.querySelectorAll("img"))
    found.skeleton.push(...root.querySelectorAll("[data-testid=stSkeleton], [data-testid=stAppSkeleton]"))
    for (const node of root.querySelectorAll("*")) if (node.shadowRoot) walk(node.shadowRoot)
  }
  walk(document)
  const seen = image => {
    const box = image.getBoundingClientRect()
    return image.getRootNode().elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === image
  }
  return !found.skeleton.length && found.canvas.every(map => Number(map.dataset.frames) > 0)
    && found.img.every(image => image.complete || !seen(image))
}"""


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, help="Where the pictures go.")
    parser.add_argument("--workspaces", type=Path, help="A folder of workspaces to show instead of the demo.")
    parser.add_argument("--workspace", help="Which of them; the first without it.")
    parser.add_argument("--pages", nargs="*", default=PAGES, choices=PAGES, help="Only these pages.")
    asked = parser.parse_args()
    asked.directory.mkdir(parents=True, exist_ok=True)
    folder = asked.workspaces or asked.directory / "workspaces"
    if asked.workspaces is None:
        workspace = build_demo(folder / "demo")
        ablation = AblationOptions(knobs=("cap", "fairness", "damping"), seeds=SEEDS)
        run_stages(workspace, {"verify": VerifyOptions(), "train": TrainOptions(seeds=SEEDS), "ablate": ablation})
    with visiting.served(folder, asked.directory / "server.log") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=visiting.CHROMIUM, args=visiting.FLAGS)
        for theme in THEMES:
            for size, (width, height) in SIZES.items():
                page = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme).new_page()
                page.set_default_timeout(60_000)
                watch = visiting.Watch(page)
                page.goto(f"{address}/data" + (f"?workspace={asked.workspace}" if asked.workspace else ""))
                visiting.settled(page)
                for name in asked.pages:
                    visiting.go_to(page, name)
                    drawn(page)
                    file = asked.directory / f"{name.lower()}-{theme}-{size}.png"
                    page.screenshot(path=file)
                    whole(page, asked.directory / f"{name.lower()}-{theme}-{size}-whole.png", (width, height))
                    print(file)
                for complaint in (*watch.outside, *watch.errors):
                    print(f"  {theme} {size}: {complaint}")
                page.context.close()
        browser.close()


def drawn(page: Page) -> None:
    """Wait until nothing on the page is on its way any more."""
    page.wait_for_load_state("networkidle")
    visiting.settled(page)
    # Twice, for what is drawn last may come into the page after the rest is in place.
    for _ in range(2):
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        page.wait_for_function(IN_PLACE)


def whole(page: Page, file: Path, size: tuple[int, int]) -> None:
    """A picture of the whole page, whose window is made as high as what it holds."""
    high = page.evaluate("() => document.querySelector('[data-testid=\"stMain\"]').scrollHeight")
    page.set_viewport_size({"width": size[0], "height": min(max(high, size[1]), 6000)})
    drawn(page)
    page.screenshot(path=file)
    page.set_viewport_size({"width": size[0], "height": size[1]})


if __name__ == "__main__":
    main()
