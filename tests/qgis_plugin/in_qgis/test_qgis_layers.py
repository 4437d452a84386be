"""Layers of the service on the map: the real Los Angeles scene, styles and words, and signatures that expire."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from geosar_qgis import connections, layers, renewal
from geosar_qgis.client.service import Service, TranslateRequest, completed
from geosar_qgis.client.uploads import UploadFile, upload
from geosar_qgis.client.urls import place_of, template_in
from geosar_qgis.connections import Connection
from geosar_qgis.dock import adding
from geosar_qgis.provider import GeosarProvider
from inside import Run, ask, pixels, rendered, wait
from osgeo import gdal
from qgis.core import QgsApplication, QgsImageLegendNode, QgsLayerTreeModel, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QImage

Make = Callable[..., Path]


@pytest.fixture(autouse=True, scope="module")
def provider(qgis_app: Any) -> Iterator[None]:
    instance = GeosarProvider()
    QgsApplication.processingRegistry().addProvider(instance)
    yield
    QgsApplication.processingRegistry().removeProvider(instance)


@pytest.fixture
def empty_project(qgis_app: Any) -> Iterator[QgsProject]:
    QgsProject.instance().clear()
    yield QgsProject.instance()
    QgsProject.instance().clear()


@pytest.fixture
def with_key(locked: Any, qgis_app: Any) -> Iterator[Connection]:
    """A connection whose key lies in the authentication database."""
    assert QgsApplication.authManager().setMasterPassword("of the tests", True)
    connection = Connection("locked", locked.url, connections.keep_key("locked", locked.key))
    connections.save(connection)
    yield connection
    connections.remove("locked")


@pytest.fixture
def translated(with_key: Connection, make_sar: Make) -> tuple[Connection, Any, str]:
    """A scene of the locked service, and the job that translated it."""
    service = Service(with_key.url)
    scene = ask(with_key, upload(service, UploadFile(make_sar("coast_vv.tif", seed=21))))
    results = ask(with_key, completed(service, scene.id, TranslateRequest()))
    return with_key, scene, results.job


def shifted(one: np.ndarray, two: np.ndarray) -> tuple[int, int]:
    """Rows and columns by which the edges of one picture lie beside those of another, from phase correlation."""
    edges = [np.hypot(*np.gradient(picture.astype(float))) for picture in (one, two)]
    spectra = [np.fft.fft2(edge - edge.mean()) for edge in edges]
    cross = spectra[0] * spectra[1].conj()
    peak = np.abs(np.fft.ifft2(cross / (np.abs(cross) + 1e-9)))
    row, col = np.unravel_index(int(peak.argmax()), peak.shape)
    height, width = peak.shape
    return (int(row) + height // 2) % height - height // 2, (int(col) + width // 2) % width - width // 2


def test_los_angeles_from_the_file_to_the_map(served: Any, data_dir: Path, tmp_path: Path, empty_project: Any) -> None:
    source = data_dir / "scenes" / "los_angeles_s1_vh.tif"
    task = Run("translate", {"INPUT": str(source), "CONNECTION": served.url, "MODEL": "s1-rgb",
                             "OUTPUT": str(tmp_path / "o.tif")})  # fmt: skip
    results = task.result(400)
    sar, optical = gdal.Open(str(source)), gdal.Open(results["OUTPUT"])
    assert optical.GetGeoTransform() == sar.GetGeoTransform()
    assert (optical.RasterXSize, optical.RasterYSize) == (sar.RasterXSize, sar.RasterYSize) == (5120, 3072)
    small = {"buf_xsize": 1280, "buf_ysize": 768, "resample_alg": gdal.GRIORA_Average}
    assert shifted(sar.ReadAsArray(**small), optical.GetRasterBand(1).ReadAsArray(**small)) == (0, 0)

    connection, service = Connection("c", served.url), Service(served.url)
    scene = ask(connection, service.scene(results["SCENE_ID"]))
    xyz = adding.add_tiles(connection, scene, ask(connection, adding.tiles_of(service, scene, "optical")))
    cog = adding.add_file(scene, "optical", ask(connection, adding.file_of(service, scene, "optical")))
    assert (cog.width(), cog.height(), cog.crs().authid()) == (5120, 3072, "EPSG:3395")
    assert "s1-rgb" in xyz.name()
    assert "synthetic" in xyz.name()
    width, height = 1024, 614
    shown = [pixels(rendered([one], cog.extent(), cog.crs(), width, height)) for one in (xyz, cog)]
    picture = QImage.fromData(ask(connection, service.picture(scene.id, "optical", 1024)))
    preview = pixels(picture.scaled(width, height))
    expected = blocks(preview)
    for one in shown:
        assert np.mean((one[:, :, 3] > 128) != (preview[:, :, 3] > 128)) < 0.01
        means = blocks(one)
        there = (means[:, :, 3] == 255) & (expected[:, :, 3] == 255)
        assert there.mean() > 0.8
        # Each thins out the texture in its own way; what a block of 8 x 8 pixels shows is the same.
        assert np.abs(means - expected)[there][:, :3].mean() < 4
        assert np.corrcoef(means[there][:, 0], expected[there][:, 0])[0, 1] > 0.95


def blocks(picture: np.ndarray) -> np.ndarray:
    """Means of blocks of 8 x 8 pixels."""
    rows, cols = picture.shape[0] // 8, picture.shape[1] // 8
    return picture[: rows * 8, : cols * 8].reshape(rows, 8, cols, 8, 4).mean((1, 3))


def test_tiles_know_their_zooms_extent_and_words(translated: Any, empty_project: Any) -> None:
    connection, scene, _ = translated
    answer = ask(connection, adding.tiles_of(Service(connection.url), scene, "optical"))
    layer = adding.add_tiles(connection, scene, answer)
    assert layer.isValid()
    assert f"zmin={answer[0].minzoom}" in layer.source()
    assert f"zmax={answer[0].maxzoom}" in layer.source()
    assert "signature" in layer.source()
    assert "authcfg" not in layer.source(), "a colleague to whom the project is sent has no such configuration"
    box = layers.to_degrees(layer.extent(), layer.crs())
    np.testing.assert_allclose(box, scene.bbox, atol=1e-3)
    assert layer.name() == "coast_vv.tif (synthetic optical, tiny 1.0)" or layer.name().startswith("coast_vv")
    for words in (layer.metadata().abstract(), layer.attribution(), layer.abstract()):
        assert "not an observation" in words
    assert pixels(rendered([layer], layer.extent(), layer.crs(), 300, 200))[:, :, 3].mean() > 200


def test_the_error_is_coloured_as_the_service_colours_it(translated: Any, empty_project: Any) -> None:
    connection, scene, _ = translated
    service = Service(connection.url)
    cog = adding.add_file(scene, "error", ask(connection, adding.file_of(service, scene, "error")))
    xyz = adding.add_tiles(connection, scene, ask(connection, adding.tiles_of(service, scene, "error")))
    assert cog.renderer().type() == "singlebandpseudocolor"
    assert "Expected absolute error" in cog.metadata().abstract()
    here, there = (pixels(rendered([one], cog.extent(), cog.crs(), 300, 200)).astype(int) for one in (cog, xyz))
    inner = (slice(10, -10), slice(10, -10), slice(0, 3))
    assert np.abs(here[inner].mean((0, 1)) - there[inner].mean((0, 1))).max() < 12


def legend(layer: QgsRasterLayer) -> QImage:
    """The picture that the layer tree shows below the layer."""
    model = QgsLayerTreeModel(QgsProject.instance().layerTreeRoot())
    node = QgsProject.instance().layerTreeRoot().findLayer(layer.id())
    pictures = [one for one in model.layerLegendNodes(node) if isinstance(one, QgsImageLegendNode)]
    assert len(pictures) == 1
    return QImage(pictures[0].data(Qt.ItemDataRole.DecorationRole))


def test_each_layer_has_a_legend_that_stays_in_the_project(translated: Any, empty_project: Any, tmp_path: Path) -> None:
    connection, scene, _ = translated
    service = Service(connection.url)
    added = {
        name: adding.add_tiles(connection, scene, ask(connection, adding.tiles_of(service, scene, name)))
        for name in ("sar", "optical", "error", "live")
    }
    added["cog"] = adding.add_file(scene, "optical", ask(connection, adding.file_of(service, scene, "optical")))
    assert empty_project.write(str(tmp_path / "legends.qgs"))
    ids = {name: layer.id() for name, layer in added.items()}
    empty_project.clear()
    assert empty_project.read(str(tmp_path / "legends.qgs"))
    pictures = {name: legend(empty_project.mapLayer(key)) for name, key in ids.items()}
    for name, picture in pictures.items():
        served = QImage.fromData(ask(connection, service.legend(scene.id, "optical" if name == "cog" else name)))
        difference = pixels(picture).astype(int) - pixels(served)
        assert np.abs(difference).max() <= 2, f"{name}: more than the rounding of half transparent pixels"
    for name, ends in (("sar", (8, 247)), ("error", (8, 200))):
        strip = pixels(pictures[name])[25, [6, -7], :3].max(1)  # the bar's first and last colour
        assert strip[0] <= ends[0], name
        assert strip[1] >= ends[1], name


def expired(source: str) -> str:
    """Return a layer's source with a signature that is over."""
    query = parse_qs(renewal.url_in(source).partition("?")[2])
    return source.replace(query["expires"][0], "1000000000")


def test_a_signature_that_is_over_is_renewed_while_one_works(translated: Any, empty_project: Any) -> None:
    connection, scene, job = translated
    service = Service(connection.url)
    xyz = adding.add_tiles(connection, scene, ask(connection, adding.tiles_of(service, scene, "optical", job)))
    cog = adding.add_file(scene, "optical", ask(connection, adding.file_of(service, scene, "optical", job)))
    for layer in (xyz, cog):
        layer.setDataSource(expired(layer.source()), layer.name(), layer.providerType())
        assert renewal.expiring(layer.source()) is not None
    assert not cog.isValid()
    watcher = renewal.Renewal()
    watcher.look()
    wait(lambda: all(renewal.expiring(one.source(), 60) is None for one in (xyz, cog)))
    watcher.stop()
    assert cog.isValid()
    place = place_of(template_in(xyz.source()))
    assert place is not None
    assert place.unsigned == {"job": job}
    assert "authcfg" not in xyz.source()
    np.testing.assert_allclose(layers.to_degrees(xyz.extent(), xyz.crs()), scene.bbox, atol=1e-3)
    for layer in (xyz, cog):
        assert pixels(rendered([layer], cog.extent(), cog.crs(), 200, 130))[:, :, 3].mean() > 200


def test_an_old_project_opens_with_its_layers_renewed(translated: Any, empty_project: Any, tmp_path: Path) -> None:
    connection, scene, _ = translated
    service = Service(connection.url)
    adding.add_tiles(connection, scene, ask(connection, adding.tiles_of(service, scene, "optical")))
    cog = adding.add_file(scene, "optical", ask(connection, adding.file_of(service, scene, "optical")))
    for layer in empty_project.mapLayers().values():
        layer.setDataSource(expired(layer.source()), layer.name(), layer.providerType())
    path = str(tmp_path / "old.qgs")
    assert empty_project.write(path)
    text = Path(path).read_text(encoding="utf-8")
    assert "the-key-of-the-tests" not in text, "no key in a project"
    empty_project.clear()
    watcher = renewal.Renewal()
    assert empty_project.read(path)
    by_provider = {one.providerType(): one for one in empty_project.mapLayers().values()}
    assert by_provider["gdal"].isValid()
    wait(lambda: renewal.expiring(by_provider["wms"].source(), 60) is None)
    np.testing.assert_allclose(
        layers.to_degrees(by_provider["wms"].extent(), by_provider["wms"].crs()), scene.bbox, atol=1e-3
    )
    watcher.stop()
    assert cog is not None


def test_a_layer_removed_while_its_signature_is_renewed_does_no_harm(translated: Any, empty_project: Any) -> None:
    connection, scene, _ = translated
    answer = ask(connection, adding.tiles_of(Service(connection.url), scene, "optical"))
    layer = adding.add_tiles(connection, scene, answer)
    layer.setDataSource(expired(layer.source()), layer.name(), "wms")
    watcher = renewal.Renewal()
    watcher.look()
    empty_project.removeMapLayer(layer.id())
    wait(lambda: not watcher._under_way)
    watcher.stop()


def test_other_layers_are_left_alone(empty_project: Any, make_sar: Make) -> None:
    layer = QgsRasterLayer(str(make_sar()), "mine")
    empty_project.addMapLayer(layer)
    assert renewal.expiring(layer.source()) is None
    assert renewal.expiring("type=xyz&url=https://tile.example.org/{z}/{x}/{y}.png") is None
