"""A colouriser that is taught colours: it begins as its teacher, learns from it, and needs one."""

from pathlib import Path
from typing import Any

import pytest
import torch

from geosar.backscatter import MISSING
from geosar.engines.generator import Generator
from geosar_training.config import Config
from geosar_training.errors import CheckpointError
from geosar_training.fitting.trainer import Trainer
from geosar_training.methods.colouriser import ColouriserMethod, pupil_of
from geosar_training.pairs.tone import LUMA_DEVIATION, LUMA_MEAN
from geosar_training.settings import from_dict
from helpers.training.laboratory import WIDTHS, make_pairs


def settings(**changes: Any) -> Config:
    return from_dict({
        "method": "colouriser", "stage": "taught", "widths": WIDTHS, "date_crops": 0, "updates": 3, "batch": 2,
        "crop": 96, "warmup": 1, "dropout": 0.0, "learning_rate": 3e-3,
    } | changes)  # fmt: skip


def teacher() -> Generator:
    torch.manual_seed(4)
    return Generator(1, WIDTHS, LUMA_MEAN, LUMA_DEVIATION).eval()


def state_of(network: Any) -> dict[str, Any]:
    return {"architecture": network.architecture, "generator": network.state_dict(), "average": network.state_dict()}


@pytest.mark.parametrize("plane", [0, 1])
@torch.no_grad()
def test_a_pupil_begins_with_its_teachers_colours_whichever_polarisation_it_sees(plane: int) -> None:
    master = teacher()
    method = ColouriserMethod(settings())
    method.start(state_of(master), Path("model"))
    radar = torch.randn(2, 1, 96, 96, generator=torch.Generator().manual_seed(1)).clamp(-4, 4)
    sar = torch.full((2, 2, 96, 96), MISSING)
    sar[:, plane : plane + 1] = radar
    _, chroma, log_error = master.components(radar)
    parts = method.generator.eval().parts(sar)
    torch.testing.assert_close(parts.chroma, chroma)
    torch.testing.assert_close(parts.log_error, log_error)


def test_it_learns_and_its_teacher_does_not(tmp_path: Path) -> None:
    master = teacher()
    trainer = Trainer(settings(), make_pairs(), tmp_path, precision="32-true")
    trainer.method.start(state_of(master), Path("model"))
    before = {key: value.clone() for key, value in trainer.method.generator.state_dict().items()}
    trainer.fit()
    after = trainer.method.generator.state_dict()
    assert not torch.equal(before["base.1.weight"], after["base.1.weight"])
    # Statistics are the teacher's and stay.
    assert torch.equal(before["encoder.1.0.1.running_mean"], after["encoder.1.0.1.running_mean"])
    kept = trainer.method.networks["teacher"].state_dict()
    assert all(torch.equal(kept[key], value) for key, value in master.state_dict().items())


def test_a_colouriser_is_no_teacher() -> None:
    method = ColouriserMethod(settings())
    other = ColouriserMethod(settings(stage="regression"))
    with pytest.raises(CheckpointError, match="holds a colouriser, which teaches no other"):
        method.start(state_of(other.generator), Path("model"))


def test_a_teacher_of_other_widths_is_not_taken() -> None:
    method = ColouriserMethod(settings())
    assert method.takes(teacher().architecture)
    assert not method.takes(Generator(1, (4, 6, 8, 8, 12)).architecture)
    assert not method.takes(Generator(2, WIDTHS).architecture)
    assert set(pupil_of(teacher(), method.generator)) == set(method.generator.state_dict())
