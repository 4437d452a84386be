"""The report's figures and pictures, as data URIs."""

import base64
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from geosar.display import ERROR_COLOURS
from geosar_training.scoring.baselines import BASELINES
from geosar_training.scoring.patches import Evaluation
from geosar_training.scoring.reliability import TOLERANCE, Decile, Reliability
from geosar_training.scoring.spectra import FLOOR, radial_spectrum

INK, FAINT, BAND = "#22313a", "#8a979e", "#dfe9e6"
NETWORKS = ("#1f6f78", "#c8553d", "#6a4c93", "#b8860b", "#3a7d44", "#a23b72")
BASELINE = ("#b4bdc1", "#98a3a8", "#7b878d")
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif", "font.size": 10, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT,
    "xtick.color": INK, "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#edf0f1", "axes.axisbelow": True, "legend.frameon": False, "svg.fonttype": "none",
    "svg.hashsalt": "geosar",
}  # fmt: skip
ERROR_SCALE = 128.0
"""Grey levels of error at the bright end of an error picture."""
SPECTRUM_BINS = 128


def colours(translators: Sequence[str]) -> dict[str, str]:
    """Return a colour for each translator: greys for the baselines, and one each for networks."""
    greys, paints = iter(BASELINE), (NETWORKS[i % len(NETWORKS)] for i in range(len(translators)))
    return {name: next(greys) if name in BASELINES else next(paints) for name in translators}


def scores_by_source(evaluation: Evaluation, measure: str = "psnr") -> str:
    """Draw tone-matched means with their intervals, a row a source, a dot a method."""
    label = next(f"{item.label}, {item.unit}" for item in evaluation.measures if item.name == measure)
    groups = [*evaluation.groups("source"), "all patches"]
    paint = colours(list(evaluation.rows))
    with _axes(7.6, 0.9 + 0.5 * len(groups)) as (figure, axes):
        for place, name in enumerate(evaluation.rows):
            shift = (place - (len(evaluation.rows) - 1) / 2) * 0.13
            for row, group in enumerate(groups):
                chosen = {} if group == "all patches" else {"source": group}
                score = evaluation.summary(name, measure, matched=True, **chosen)
                if score is None:
                    continue
                y = row + shift
                axes.plot([score.low, score.high], [y, y], color=paint[name], linewidth=1.6, alpha=0.6)
                axes.plot(score.mean, y, "o", color=paint[name], markersize=5, label=name if row == 0 else None)
        axes.set_yticks(range(len(groups)), groups)
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.set_xlabel(f"{label}, tone-matched; bars: 95 % interval over images")
        axes.grid(visible=False, axis="y")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        return _svg(figure)


def spectra(evaluation: Evaluation) -> str:
    """Draw the radially averaged power spectrum of each method and of the truth, a mean over whole patches, in dB."""
    paint = colours(list(evaluation.rows))
    rows = next(iter(evaluation.rows.values()))
    with _axes(7.6, 3.4) as (figure, axes):
        for name, pictures in evaluation.pictures.items():
            axes.plot(*_mean_spectrum([pictures[row.image][row.area] for row in rows]), color=paint[name], label=name)
        truths = [evaluation.pairs[row.image].optical[row.area] for row in rows]
        axes.plot(*_mean_spectrum(truths), color=INK, linewidth=2.4, label="truth")
        axes.set_xscale("log", base=2)
        lengths = (2560, 1280, 640, 320, 160, 80, 40, 20)
        axes.set_xticks([10 / length for length in lengths], [str(length) for length in lengths])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("wavelength, metres at 10 m a pixel: coarse to fine")
        axes.set_ylabel("power of luma, dB")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        return _svg(figure)


def _mean_spectrum(patches: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequency in cycles a pixel, and mean power in dB; smaller patches are interpolated to the same frequencies."""
    frequencies = np.arange(1, SPECTRUM_BINS + 1) / (2 * SPECTRUM_BINS)
    powers = []
    for patch in patches:
        power = radial_spectrum(patch[..., :3])
        powers.append(np.interp(frequencies, np.arange(1, len(power) + 1) / (2 * len(power)), power))
    return frequencies, 10 * np.log10(np.mean(powers, axis=0) + FLOOR)


def calibration(bands: dict[str, Reliability], evaluation: Evaluation) -> str:
    """Draw true over stated error by tenths of the pixels, beside the diagonal and its 20 % tolerance."""
    paint = colours(list(evaluation.rows))
    with _axes(6.4, 4.2) as (figure, axes):
        values = [d.stated for band in bands.values() for d in band.raw]
        values += [d.true for band in bands.values() for part in (band.raw, band.matched) for d in part]
        ends = np.array([0.0, 1.1 * max(values)])
        axes.fill_between(ends, ends * (1 - TOLERANCE), ends * (1 + TOLERANCE), color=BAND, label="within 20 %")
        axes.plot(ends, ends, color=FAINT, linewidth=1)
        for name, band in bands.items():
            axes.plot(*_curve(band.raw), "o-", color=paint[name], markersize=4, label=f"{name}, as made")
            axes.plot(
                *_curve(band.matched), "o:", color=paint[name], markersize=3, alpha=0.6, label=f"{name}, tone-matched"
            )
        axes.set(
            xlim=ends, ylim=ends, xlabel="stated expected error, grey levels", ylabel="mean true error, grey levels"
        )
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        return _svg(figure)


def _curve(deciles: Sequence[Decile]) -> tuple[list[float], list[float]]:
    return [item.stated for item in deciles], [item.true for item in deciles]


def error_picture(image: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.uint8]:
    """Colour the mean absolute difference of two images (H, W, 3): black is right, bright is 128 grey levels off."""
    error = np.abs(image.astype(np.float32) - truth.astype(np.float32)).mean(axis=-1) / ERROR_SCALE
    coloured: NDArray[np.uint8] = mpl.colormaps[ERROR_COLOURS](np.clip(error, 0, 1), bytes=True)[..., :3]
    return coloured


def data_uri(image: NDArray[np.uint8], quality: int = 88) -> str:
    """Return an image (H, W) or (H, W, 3) as a JPEG in a data URI."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


@contextmanager
def _axes(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Return axes in the report's style, of a figure that no window knows."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height))
        FigureCanvasSVG(figure)
        yield figure, figure.add_subplot()


def _svg(figure: Figure) -> str:
    """Return the figure as an SVG in a data URI; equal figures give equal text."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
