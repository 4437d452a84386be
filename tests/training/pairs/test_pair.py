"""Pairs on disk, and the crops that training sees."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from geosar_training.config import Augmentation
from geosar_training.errors import PairsError
from geosar_training.fitting.losses import open_water
from geosar_training.pairs.crops import Crops, Square, pasted
from geosar_training.pairs.pair import Pair, coloured_split, fit_normalisers, read_pairs, shared
from geosar_training.pairs.samples import collate
from geosar_training.pairs.tone import luma_chroma
from helpers.training.laboratory import LAKE, make_pair, make_pairs, tiny_config, write_pairs

PLAIN = dict.fromkeys(vars(Augmentation()), 0.0)


def crops_of(
    pairs: list[Pair], *, size: int = 64, seed: int = 1, weights: dict[str, float] | None = None, **changes: object
) -> Crops:
    config = tiny_config(crop=size, source_weights=weights or {}, align_tone=False, **changes)
    return Crops(pairs, config, length=40, seed=seed)


def test_a_pair_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = make_pair("field-1", source="there", split="val")
    (read,) = read_pairs(write_pairs(tmp_path, [written]))
    assert (read.name, read.source, read.split, read.coloured) == ("field-1", "there", "val", True)
    assert np.array_equal(read.sar, written.sar)
    assert np.array_equal(read.optical, written.optical)


def test_grey_optical_is_a_source_of_its_own(tmp_path: Path) -> None:
    (read,) = read_pairs(write_pairs(tmp_path, [make_pair(coloured=False)]))
    assert read.source == "here-grey"
    assert not read.coloured
    assert read.optical.ndim == 2


def test_only_the_splits_asked_for_are_read(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path, make_pairs(train=3, val=2))
    assert {pair.split for pair in read_pairs(folder, splits=("val",))} == {"val"}


def _no_manifest(folder: Path) -> None:
    (folder / "manifest.csv").unlink()


def _no_sar_folder(folder: Path) -> None:
    (folder / "sar").rename(folder / "radar")


def _no_split_column(folder: Path) -> None:
    manifest = folder / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("split", "part"))


def _no_optical(folder: Path) -> None:
    (folder / "opt" / "p0.png").unlink()


def _other_splits(folder: Path) -> None:
    manifest = folder / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("train", "test").replace("val", "test"))


def _unequal(folder: Path) -> None:
    Image.new("RGB", (40, 96)).save(folder / "opt" / "p0.png")


def _truncated(folder: Path) -> None:
    path = folder / "sar" / "p0.png"
    path.write_bytes(path.read_bytes()[:900])


def _not_an_image(folder: Path) -> None:
    (folder / "sar" / "p0.png").write_text("radar")


def _sixteen_bit(folder: Path) -> None:
    Image.fromarray(np.full((96, 96), 9000, np.uint16)).save(folder / "sar" / "p0.png")


def _transparent(folder: Path) -> None:
    Image.new("RGBA", (96, 96)).save(folder / "opt" / "p0.png")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_no_manifest, "has no manifest.csv"),
        (_no_sar_folder, "has no folder sar/"),
        (_no_split_column, "lacks the columns split"),
        (_no_optical, "p0 .* lacks its file"),
        (_other_splits, "no pair in the splits train, val"),
        (_unequal, r"p0 has SAR of \(96, 96\) and optical of \(96, 40\)"),
        (_truncated, "p0.png cannot be read"),
        (_not_an_image, "p0.png cannot be read"),
        (_sixteen_bit, "mode I;16; expected 8-bit L"),
        (_transparent, "mode RGBA; expected 8-bit RGB or L"),
    ],
)
def test_a_spoilt_folder_is_refused_with_the_reason(tmp_path: Path, spoil: Callable[[Path], None], says: str) -> None:
    folder = write_pairs(tmp_path, make_pairs(train=1, val=1))
    spoil(folder)
    with pytest.raises(PairsError, match=says):
        read_pairs(folder)


def test_a_split_without_colour_is_refused() -> None:
    pairs = [make_pair(split="train"), make_pair(split="val", coloured=False)]
    with pytest.raises(PairsError, match="'val'; found are: train"):
        coloured_split(pairs, "val")


def test_training_without_large_enough_pairs_is_refused() -> None:
    with pytest.raises(PairsError, match="none of them large enough for crops of 256"):
        crops_of([make_pair(size=96)], size=256)


def test_weights_that_leave_no_source_are_refused() -> None:
    with pytest.raises(PairsError, match="here"):
        crops_of([make_pair()], weights={"here": 0.0})


def test_a_crop_is_a_pure_function_of_seed_and_index() -> None:
    pairs = make_pairs()
    forwards = [crops_of(pairs)[i] for i in range(6)]
    crops = crops_of(pairs)
    backwards = [crops[i] for i in reversed(range(6))][::-1]
    for first, second in zip(forwards, backwards, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(forwards[0][0], crops_of(pairs, seed=2)[0][0])
    assert not torch.equal(forwards[0][0], forwards[1][0])


def test_any_number_of_workers_gives_the_same_stream() -> None:
    crops = crops_of(make_pairs())
    alone, shared = (list(DataLoader(crops, 4, num_workers=workers, collate_fn=collate)) for workers in (0, 2))
    assert len(alone) == 10
    for first, second in zip(alone, shared, strict=True):
        assert first.dates is None
        for name in ("sar", "luma", "chroma", "valid", "coloured", "label"):
            assert torch.equal(getattr(first, name), getattr(second, name))


def test_radar_and_optical_are_cut_turned_and_flipped_alike() -> None:
    values = np.random.default_rng(0).integers(20, 236, (96, 80), dtype=np.uint8)
    pair = dataclasses.replace(make_pair(), sar=values, optical=np.repeat(values[..., None], 3, axis=2))
    crops = crops_of([pair], augmentation=PLAIN)
    normaliser = fit_normalisers([pair])["here"]
    for index in range(24):  # all eight turns and flips are among them
        sar, luma, chroma, valid, coloured, _ = crops[index]
        grey = np.rint(luma.numpy() * 46 + 100).astype(np.uint8)  # optical encodes the radar
        assert np.array_equal(sar.numpy(), normaliser(grey, np.ones(grey.shape[1:], np.bool_)))
        assert np.allclose(chroma[0], 4 / 11)  # no blue difference
        assert valid.min() == 1
        assert coloured.item() == 1


def test_all_eight_orientations_occur() -> None:
    pair = make_pair(size=64)
    crops = crops_of([pair], size=64, augmentation=PLAIN)
    assert len({crops[i][1].numpy().tobytes() for i in range(40)}) == 8


def test_sources_are_drawn_by_weight_and_patches_by_area() -> None:
    pairs = [
        make_pair("a", source="large", size=192), make_pair("b", source="large", size=96),
        make_pair("c", source="small", size=64), make_pair("d", source="small", size=64, coloured=False),
    ]  # fmt: skip
    crops = crops_of(pairs, weights={"large": 0.5, "small": 0.3, "grey": 0.2})
    share = np.diff(crops.probability, prepend=0)
    assert np.allclose(share, [0.5 * 4 / 5, 0.5 * 1 / 5, 0.3, 0.2])


def test_sources_without_a_weight_share_by_area() -> None:
    pairs = [make_pair("a", source="large", size=192), make_pair("b", source="small", size=96)]
    assert np.allclose(np.diff(crops_of(pairs).probability, prepend=0), [4 / 5, 1 / 5])


def test_drawn_crops_follow_the_weights() -> None:
    pairs = [make_pair("a", source="grown"), make_pair("b", source="thin", coloured=False)]
    crops = crops_of(pairs, weights={"grown": 0.75, "grey": 0.25})
    coloured = np.mean([crops[i][4].item() for i in range(400)])
    assert abs(coloured - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 400)


def with_lake(name: str, *, size: int = 384) -> Pair:
    """A pair whose last 64 rows and columns are water."""
    pair = make_pair(name, size=size)
    optical = pair.optical.copy()
    optical[-64:, -64:] = LAKE
    return dataclasses.replace(pair, optical=optical)


def test_crops_are_drawn_around_water() -> None:
    pairs = [make_pair("dry", size=384, seed=5), with_lake("lake"), make_pair("grey", size=384, coloured=False)]

    def wet(share: float) -> float:
        crops = Crops(pairs, tiny_config(crop=96, water_crops=share, align_tone=False), length=60, seed=1)
        batch = collate([crops[index] for index in range(60)])
        water = open_water(batch.luma, torch.nn.functional.avg_pool2d(batch.chroma, 4))
        return float((water.flatten(1).amax(dim=1) * batch.coloured.flatten()).mean())

    assert wet(1.0) > 0.95  # a shore may lie on the border of a crop
    assert 0.3 < wet(0.4) < 0.7
    assert wet(0.0) < 0.1


def test_many_crops_around_water_are_around_a_shore() -> None:
    pair = make_pair("coast", size=512)
    optical = pair.optical.copy()
    optical[:, 100:] = LAKE
    coast = dataclasses.replace(pair, optical=optical)
    crops = Crops([coast], tiny_config(crop=96, water_crops=1.0, align_tone=False), length=60, seed=1)
    batch = collate([crops[index] for index in range(60)])
    water = open_water(batch.luma, torch.nn.functional.avg_pool2d(batch.chroma, 4)).flatten(1)
    both = (water.amax(dim=1) > 0) & (water.mean(dim=1) < 0.95)
    assert 0.3 < float(both.float().mean()) < 0.9


def test_a_third_of_the_crops_around_water_are_around_what_is_narrow() -> None:
    pair = make_pair("delta", size=768)
    optical = pair.optical.copy()
    optical[:, 400:], optical[:, 100:124] = LAKE, LAKE  # a sea, and a river of a fifteenth of it
    delta = dataclasses.replace(pair, optical=optical)
    crops = Crops([delta], tiny_config(crop=96, water_crops=1.0, align_tone=False), length=1, seed=1)
    random = np.random.default_rng(1)
    around = [crops._drawn(random)[1] for _ in range(300)]
    share = np.mean([place is not None and place[1] < 200 for place in around])
    assert 0.3 < share < 0.6  # a third, and what all water and shores have of it


def test_crops_around_water_need_some() -> None:
    with pytest.raises(PairsError, match="no optical image shows water; set both to 0"):
        Crops([make_pair("dry", size=128)], tiny_config(water_crops=0.5), length=1, seed=0)


def test_basins_of_water_are_pasted_where_there_is_none() -> None:
    lake = with_lake("lake")
    sar = lake.sar.copy()
    sar[-64:, -64:] = 5  # dark in radar too
    pairs = [dataclasses.replace(lake, sar=sar), make_pair("dry", size=1024, seed=5)]

    def shown(pairs: list[Pair], share: float) -> tuple[torch.Tensor, torch.Tensor]:
        config = tiny_config(crop=96, align_tone=False, augmentation=PLAIN | {"basins": share})
        batch = collate([Crops(pairs, config, length=40, seed=1)[index] for index in range(40)])
        water = open_water(batch.luma, torch.nn.functional.avg_pool2d(batch.chroma, 4))
        return water, torch.nn.functional.avg_pool2d(batch.sar, 4)

    dry, _ = shown(pairs, 0.0)
    wet, radar = shown(pairs, 1.0)
    assert dry.flatten(1).amax(dim=1).mean() < 0.2  # seven eighths of the area have no water
    assert wet.flatten(1).amax(dim=1).mean() > 0.5
    assert radar[wet == 1].mean() < -2  # radar and optical are pasted alike
    bright, _ = shown([lake, pairs[1]], 1.0)  # water that radar does not show stays where it is
    assert torch.equal(bright, dry)


def test_pasted_squares_may_be_of_any_size() -> None:
    shape = (70, 70)  # no multiple of a cell
    dry = Square(np.zeros((1, *shape), np.float32), np.zeros((*shape, 3), np.float32), np.ones(shape, np.bool_))
    lake = luma_chroma(np.full((*shape, 3), LAKE, np.float32))
    wet = Square(np.full((1, *shape), -3, np.float32), lake, np.ones(shape, np.bool_))
    where = np.zeros(shape, np.bool_)
    where[20:40, 10:60] = True
    result = pasted(dry, wet, where)
    assert np.array_equal(result.backscatter[0] == -3, where)
    assert np.array_equal(result.target == lake, np.repeat(where[..., None], 3, axis=2))


def test_patches_smaller_than_the_crop_are_mirrored() -> None:
    pair = make_pair(size=40)
    luma = crops_of([pair], size=64, augmentation=PLAIN)[0][1][0].numpy()
    assert luma.shape == (64, 64)
    assert np.array_equal(luma[:12], luma[12:24][::-1])
    assert np.array_equal(luma[:, -12:], luma[:, -24:-12][:, ::-1])


def test_grey_targets_have_no_say_in_colour() -> None:
    batch = collate([crops_of([make_pair(coloured=False)])[0]])
    assert batch.coloured.item() == 0
    assert batch.sar.shape == batch.luma.shape == batch.valid.shape == (1, 1, 64, 64)
    assert batch.chroma.shape == (1, 2, 64, 64)


def test_a_share_is_of_each_source_and_grows_by_what_it_lacks() -> None:
    pairs = [make_pair(f"{source}{i}", source=source) for source, count in (("a", 8), ("b", 3)) for i in range(count)]
    quarter, half = ({pair.name for pair in shared(pairs, share)} for share in (0.25, 0.5))
    assert [sum(name.startswith(source) for name in half) for source in "ab"] == [4, 2]
    assert len(quarter) == 3
    assert quarter < half
    assert shared(pairs, 1.0) == pairs
