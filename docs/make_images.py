"""Draw the pictures of the README from the shipped runs.

python docs/make_images.py
python docs/make_images.py --report report/gcn-on-cora/index.html   # its top, by Chromium
"""

from __future__ import annotations

import argparse
import io
import subprocess
import tempfile
from pathlib import Path

from matplotlib.figure import Figure

from case_studies.batch_size.__main__ import AT, BASELINE, GRAPH, PROTOCOLS, ROLES, RUNS
from causalhyper import effect_curve, fit, read_runs
from causalhyper.figures import house_style, plot_effect_curve, to_svg
from causalhyper.frames import write_atomic
from causalhyper.results import to_frame

IMAGES = Path(__file__).parent / "images"
TARGET = IMAGES / "batch-size.svg"
TOP, PART = (1000, 2300), (0, 1380, 1000, 2220)
"""Width and height of the window that a report is opened in, and what its picture shows of it."""
TITLES = {"equal_epochs": "equal epochs", "equal_updates": "equal updates"}


def main() -> None:
    """Draw what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, help="a page of `make report` to take a picture of")
    parser.add_argument("--browser", default="chromium", help="Chromium, for that")
    asked = parser.parse_args()
    if asked.report is None:
        draw_effects()
    else:
        write_atomic(IMAGES / "report.png", photograph(asked.report, asked.browser))


def photograph(page: Path, browser: str) -> bytes:
    """Take a picture of a page's first verdict and hypergraph, in 128 colours: a small file."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        words = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        words += [f"--window-size={TOP[0]},{TOP[1]}", f"--screenshot={shot}"]
        subprocess.run([browser, *words, page.resolve().as_uri()], check=True, capture_output=True)
        small = io.BytesIO()
        Image.open(shot).convert("RGB").crop(PART).quantize(128).save(small, "PNG", optimize=True)
    return small.getvalue()


def draw_effects() -> None:
    """Draw the design's effect curve under both protocols on one scale."""
    runs = read_runs(RUNS)
    with house_style():
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for ax, (design, protocol) in zip(axes, PROTOCOLS.items(), strict=True):
            part = runs[runs["design"] == design]
            model = fit(GRAPH, part, ROLES, protocol=protocol, cluster="seed", context="seed")
            curve = effect_curve(model, "B", "G", at=AT, baseline=BASELINE)
            plot_effect_curve(
                to_frame(curve.design).assign(estimator="design"),
                baseline=BASELINE,
                xlabel="batch size",
                ylabel="effect on test accuracy" if ax is axes[0] else "",
                title=TITLES[design],
                ax=ax,
            )
        axes[0].get_legend().remove()
        svg = to_svg(
            figure,
            title="Effect of batch size on test accuracy, GCN on Cora",
            description="Against 512, with equal epochs all smaller batches score higher; with "
            "equal updates 16 scores lower.",
            prefix="batch-size-",
        )
    write_atomic(TARGET, svg.encode())


if __name__ == "__main__":
    main()
