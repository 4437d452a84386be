"""What an evaluation found, as ``report.html`` (one file), ``report.md`` and ``metrics.json``."""

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from geosar_training.scoring import figures
from geosar_training.scoring.baselines import BASELINES
from geosar_training.scoring.bootstrap import CONFIDENCE, RESAMPLES, Summary
from geosar_training.scoring.measures import Measure
from geosar_training.scoring.patches import Evaluation, Row
from geosar_training.scoring.reliability import Reliability, reliability
from geosar_training.scoring.sentences import Finding, findings
from geosar_training.scoring.table import markdown, table_of

SHOWN = 2
"""Patches of each kind (best, median, worst) in the gallery of a network."""

JUDGED = (
    "Tone-matched, and in brackets as the image was made; for sharpness, spectrum distance and identity ratio the "
    "other way round, because the tone match flattens what does not agree."
)

DASH = "\N{EN DASH}"
LIBRARIES = ("geosar", "torch", "torchmetrics", "openvino", "numpy")


@dataclass(frozen=True)
class Setting:
    """What was evaluated, for the head of the report."""

    split: str
    folders: Sequence[str]
    command: str
    notes: Sequence[str] = ()
    """What a reader must know of optional measures: the networks behind them."""


def write_report(folder: Path, evaluation: Evaluation, setting: Setting) -> str:
    """Write the three files into `folder`, made if need be; returns the findings as Markdown."""
    bands = error_bands(evaluation)
    words = findings(evaluation, bands)
    folder.mkdir(parents=True, exist_ok=True)
    plain = to_plain(evaluation, bands, setting)
    (folder / "metrics.json").write_text(json.dumps(_finite(plain), indent=1, allow_nan=False) + "\n")
    text = _markdown(evaluation, bands, words, setting)
    (folder / "report.md").write_text(text)
    (folder / "report.html").write_text(_html(evaluation, bands, words, setting))
    return text


def error_bands(evaluation: Evaluation) -> dict[str, Reliability]:
    """Return how right the error band of each translator is, of those that have one."""
    bands = {name: reliability(evaluation, name) for name in evaluation.rows}
    return {name: band for name, band in bands.items() if band}


def to_plain(evaluation: Evaluation, bands: Mapping[str, Reliability], setting: Setting) -> dict[str, Any]:
    """Return everything that was measured as plain values."""
    groups: list[dict[str, str]] = [
        {kind: name} for kind in ("source", "landcover") for name in evaluation.groups(kind)
    ]
    return {
        "protocol": {
            "split": setting.split, "pairs": list(setting.folders), "images": len(evaluation.pairs),
            "patches": len(next(iter(evaluation.rows.values()))), "confidence": CONFIDENCE, "resamples": RESAMPLES,
            "measures": {
                item.name: {"label": item.label, "unit": item.unit, "best": item.best} for item in evaluation.measures
            },
            "versions": {name: _version(name) for name in LIBRARIES}, "python": platform.python_version(),
            "notes": list(setting.notes),
        },
        "scores": {
            name: {
                "all": _scores(evaluation, name, {}),
                **{
                    kind: {
                        group[kind]: _scores(evaluation, name, group) for group in groups if kind in group
                    } for kind in ("source", "landcover")
                },
            } for name in evaluation.rows
        },
        "sets": evaluation.sets,
        "error_band": {name: asdict(band) for name, band in bands.items()},
    }  # fmt: skip


def _scores(evaluation: Evaluation, translator: str, group: dict[str, str]) -> dict[str, Any]:
    def summaries(*, matched: bool) -> dict[str, Any]:
        rows = {
            item.name: evaluation.summary(translator, item.name, matched=matched, **group)
            for item in evaluation.measures
        }
        return {name: asdict(summary) for name, summary in rows.items() if summary}

    return {"raw": summaries(matched=False), "matched": summaries(matched=True)}


def _version(library: str) -> str:
    try:
        return version(library)
    except ImportError:  # a checkout that is not installed
        return "from source"


def _finite(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _markdown(
    evaluation: Evaluation, bands: Mapping[str, Reliability], words: Sequence[Finding], setting: Setting
) -> str:
    lines = [
        "# Scores",
        "",
        *(f"- **{word.network}**: {word.says}" for word in words),
        "",
        f"Made by `{setting.command}`.",
        "",
    ]
    lines += ["## All measures, all patches", f"With the 95 % interval over images. {JUDGED}", ""]
    names = list(evaluation.rows)
    lines += ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for item in evaluation.measures:
        lines.append(f"| {_title(item)} | " + " | ".join(_cell(evaluation, name, item) for name in names) + " |")
    for key in next(iter(evaluation.sets.values()), {}):
        values = (f"{evaluation.sets[name][key]:.2f}" if name in evaluation.sets else "" for name in names)
        lines.append(f"| {key} | " + " | ".join(values) + " |")
    lines += ["", "## By source", markdown(table_of(evaluation))]
    for name, band in bands.items():
        lines += [
            "", f"## The error band of {name}", "| stated | true, as made | true, tone-matched |", "|---|---|---|",
            *(
                f"| {raw.stated:.1f} | {raw.true:.1f} ({raw.ratio:.2f}) | {matched.true:.1f} ({matched.ratio:.2f}) |"
                for raw, matched in zip(band.raw, band.matched, strict=True)
            ),
        ]  # fmt: skip
    return "\n".join([*lines, *(f"\n{note}" for note in setting.notes)]) + "\n"


def _title(item: Measure) -> str:
    return f"{item.label}, {item.unit}" if item.unit else item.label


def _cell(evaluation: Evaluation, name: str, item: Measure) -> str:
    judged, other = (evaluation.summary(name, item.name, matched=kind) for kind in (not item.as_made, item.as_made))
    return f"{interval(judged)} ({number(other.mean)})" if judged and other else DASH


def number(value: float) -> str:
    """Three decimals below 2, two below 100, else one: what the measures' noise can bear."""
    digits = 3 if abs(value) < 2 else 2 if abs(value) < 100 else 1
    return f"{value:.{digits}f}"


def interval(summary: Summary) -> str:
    """Return ``12.30 [11.90, 12.80]``; without brackets where the interval is unknown."""
    bounds = f" [{number(summary.low)}, {number(summary.high)}]" if isfinite(summary.low) else ""
    return number(summary.mean) + bounds


def bounds(summary: Summary) -> str:
    """Return ``11.90 to 12.80``, or a dash where the interval is unknown."""
    return f"{number(summary.low)} to {number(summary.high)}" if isfinite(summary.low) else DASH


def _html(evaluation: Evaluation, bands: Mapping[str, Reliability], words: Sequence[Finding], setting: Setting) -> str:
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["number"] = number
    environment.filters["bounds"] = bounds
    template = environment.from_string(files("geosar_training.scoring").joinpath("report.html.j2").read_text())
    names = list(evaluation.rows)
    networks = [name for name in names if name not in BASELINES]
    return template.render(
        words=words, setting=setting, names=names, measures=evaluation.measures, evaluation=evaluation, bands=bands,
        judged=JUDGED, best=_best(evaluation), title=_title, images=len(evaluation.pairs),
        patches=len(evaluation.rows[names[0]]),
        colours=figures.colours(names), versions={name: _version(name) for name in LIBRARIES},
        kinds=[(kind, evaluation.groups(kind)) for kind in ("source", "landcover") if evaluation.groups(kind)],
        sources_figure=figures.scores_by_source(evaluation), spectra_figure=figures.spectra(evaluation),
        calibration_figure=figures.calibration(dict(bands), evaluation) if bands else None,
        galleries={name: list(_gallery(evaluation, name)) for name in networks}, error_scale=figures.ERROR_SCALE,
    )  # fmt: skip


def _best(evaluation: Evaluation) -> dict[str, str]:
    """Return the translator with the best mean of each measure."""
    rows = {}
    for item in evaluation.measures:
        means = {
            name: summary.mean
            for name in evaluation.rows
            if (summary := evaluation.summary(name, item.name, matched=not item.as_made)) and isfinite(summary.mean)
        }
        keys = {"high": lambda value: -value, "low": lambda value: value, "one": lambda value: abs(value - 1)}
        if means:
            rows[item.name] = min(means, key=lambda name: keys[item.best](means[name]))
    return rows


def _gallery(evaluation: Evaluation, name: str) -> Iterator[dict[str, Any]]:
    """Yield the best, median and worst patches by tone-matched PSNR: words, and the four pictures."""
    rows = sorted(evaluation.rows[name], key=lambda row: -row.matched["psnr"])
    middle = max(0, len(rows) // 2 - SHOWN // 2)
    chosen = {"best": rows[:SHOWN], "median": rows[middle : middle + SHOWN], "worst": rows[-SHOWN:]}
    seen: set[int] = set()  # with few patches a patch is not shown twice
    for kind, members in chosen.items():
        for row in members:
            if id(row) not in seen:
                seen.add(id(row))
                yield {"kind": kind, "row": row, **_pictures(evaluation, name, row)}


def _pictures(evaluation: Evaluation, name: str, row: Row) -> dict[str, str]:
    pair, painted = evaluation.pairs[row.image], evaluation.pictures[name][row.image][row.area][..., :3]
    truth = pair.optical[row.area]
    return {
        "pair": pair.name,
        "radar": figures.data_uri(np.ascontiguousarray(evaluation.radars[row.image][row.area])),
        "made": figures.data_uri(np.ascontiguousarray(painted)),
        "truth": figures.data_uri(np.ascontiguousarray(truth)),
        "error": figures.data_uri(
            figures.error_picture(evaluation.matches[name][row.image](painted.astype(np.float32)), truth)
        ),
    }
