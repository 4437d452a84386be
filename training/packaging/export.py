"""From a checkpoint to a packaged model with its scores, published whole or not at all."""

import copy
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch

from geosar.engines.colouriser import Colouriser
from geosar.engines.generator import Generator
from geosar.models import mlm
from geosar_training.errors import ExportError
from geosar_training.fitting.runs import load_network
from geosar_training.inference import generate
from geosar_training.networks.painter import Network
from geosar_training.packaging.error_calibration import calibrated, fit_error_curve
from geosar_training.packaging.seen import seen_in
from geosar_training.packaging.translators import Agreement, agreement, engine_translator
from geosar_training.packaging.writer import Identity, write_manifest, write_networks, write_onnx
from geosar_training.pairs.pair import Pair, coloured_split
from geosar_training.pairs.tone import LUMA_DEVIATION, LUMA_MEAN
from geosar_training.scoring.table import Table, Translator, evaluate, markdown, mean_colour, smooth_grey, to_plain

CARD = """# {title}

{description}

The pictures are synthetic: made from radar by a network, not observed. Do not read colours, fields or
buildings from them as facts; the fourth band says how large the error is expected to be.

## Scores on the validation split
Tone-matched over each scene; the raw score in brackets. Trained for {updates} updates.

{scores}

Int8 against float32: {agreement}.

## Credit
{credit}

Licence: {licence}.
"""


@dataclass(frozen=True)
class Tone:
    """What pictures are stretched by: luma and the colour differences around the mean of the targets; grey levels."""

    contrast: float = 1.0
    saturation: float = 1.0
    brightness: float = 0.0


AS_TRAINED = Tone()


@dataclass(frozen=True)
class Report:
    """What an export measured."""

    table: Table
    agreement: Agreement


def export_model(
    checkpoint: Path,
    pairs: Sequence[Pair],
    output: Path,
    *,
    identity: Identity,
    twin: Path | None = None,
    card: Path | None = None,
    tone: Tone = AS_TRAINED,
    onnx: bool = False,
) -> Report:
    """Package the checkpoint's averaged generator into the folder `output`, with its scores beside baselines.

    Its pictures are stretched by the `tone`. With `onnx` the package has the network in that form, too.

    `twin` is a checkpoint that is only scored; `card` is the model card, in which {scores}, {updates} and {agreement}
    (and title, description, credit, licence) are filled in; the pictures that it shows, by names relative to it, come
    along. A packaged model that lies in `output` is replaced once the new one is complete; any other folder with files
    in it is refused (ExportError), and so is a card whose pictures are not below its folder.
    """
    text = card.read_text() if card else CARD
    pictures = _pictures(text, card.parent) if card else {}
    validation = coloured_split(pairs, "val")
    translators: dict[str, Translator] = {
        "mean colour": mean_colour(coloured_split(pairs, "train")),
        "smooth grey": smooth_grey,
    }
    with _published(output) as folder:
        network, config, updates = load_network(checkpoint, pairs)
        network = stretched(network, tone)
        curve = fit_error_curve(partial(generate, network), pairs)
        network = calibrated(network, curve)
        training = {
            "settings": config.to_dict(), "updates": updates, "pairs": len(pairs), "error_curve": curve.to_dict(),
            "tone": asdict(tone),
        }  # fmt: skip
        if twin:
            translators["L1-only twin"] = partial(generate, load_network(twin, pairs)[0])
        write_networks(network, pairs, folder)
        if onnx:
            write_onnx(network, folder)
        shape: dict[str, Any] = {"seen": seen_in(pairs), "polarisations": config.polarisations}
        write_manifest(network, folder, identity, **shape, metrics={}, training=training)
        translators[f"{identity.name} (torch float32)"] = partial(generate, network)
        translators[f"{identity.name} (int8)"] = engine_translator(folder, "int8")
        table, _ = evaluate(translators, validation)
        report = Report(table, agreement(folder, validation))
        metrics = {"validation": to_plain(table), "int8_against_float32": report.agreement.to_dict()}
        manifest = write_manifest(network, folder, identity, **shape, metrics=metrics, training=training)
        words = {
            "scores": markdown(table), "updates": str(updates), "agreement": str(report.agreement),
            "title": manifest.title, "description": manifest.description, "licence": manifest.licence,
            "credit": "\n".join(f"- {name}" for name in manifest.credit) or "Not stated.",
        }  # fmt: skip
        (folder / "MODEL_CARD.md").write_text(_filled(text, words))
        (folder / mlm.NAME).write_text(json.dumps(mlm.mlm_item(manifest, datetime.now(UTC)), indent=1) + "\n")
        for name, picture in pictures.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, folder / name)
    return report


@torch.no_grad()
def stretched(network: Network, tone: Tone) -> Network:
    """Return a network whose pictures have that tone, and not what it was stretched by before.

    The likeliest answer is duller than the truth, whose spread no loss that asks for it gives back. Raises ExportError
    for a network that makes no luma and chroma apart.
    """
    if not isinstance(network, Colouriser | Generator):
        if tone != AS_TRAINED:
            raise ExportError(
                "Contrast, saturation and brightness are for models that make luma and chroma apart; leave them out."
            )
        return network
    network = copy.deepcopy(network)
    spread = torch.tensor([tone.contrast, tone.saturation, tone.saturation])
    network.deviation.copy_((torch.tensor(LUMA_DEVIATION) * spread).view_as(network.deviation))
    network.mean.copy_((torch.tensor(LUMA_MEAN) + torch.tensor([tone.brightness, 0.0, 0.0])).view_as(network.mean))
    return network


def _filled(card: str, words: dict[str, str]) -> str:
    """Fill only what is known, so that a card may hold other braces."""
    for key, text in words.items():
        card = card.replace(f"{{{key}}}", text)
    return card


def _pictures(card: str, folder: Path) -> dict[str, Path]:
    """Return the files below `folder` that a card shows, by the names that it gives them."""
    pictures = {name: folder / name for name in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", card)}
    for name, picture in pictures.items():
        if not picture.is_file() or not picture.resolve().is_relative_to(folder.resolve()):
            raise ExportError(f"The card shows {name}, which is no file below {folder}; put the picture there.")
    return pictures


@contextmanager
def _published(output: Path) -> Iterator[Path]:
    """Return a folder to write into, beside `output`; it takes that name when the block ends without an error."""
    output = output.absolute()
    if output.is_dir() and any(output.iterdir()) and not (output / "manifest.json").is_file():
        raise ExportError(f"{output} holds files, but no packaged model; give a new or empty folder.")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as work:
        fresh, earlier = Path(work, "new"), Path(work, "old")
        fresh.mkdir()
        yield fresh
        if output.exists():
            output.replace(earlier)
        fresh.replace(output)
        shutil.rmtree(earlier, ignore_errors=True)
