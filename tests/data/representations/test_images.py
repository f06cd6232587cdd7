from __future__ import annotations

import json

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import zarr

from scgde.data import open_store
from scgde.data.representations import REPRESENTATIONS, Images
from scgde.data.stores import StreamedStore
from scgde.nn import CellSpec
from scgde.nn.transforms import TransformSpec, ground_shape

N = 30
SHAPE = (2, 5, 4)


def photos(dtype="uint8", shape=SHAPE):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, size=(N, *shape))
    return (x > 127 if dtype == "bool" else x if np.dtype(dtype).kind == "u" else x / 256).astype(dtype)


@pytest.fixture
def adata():
    return ad.AnnData(obsm={"images": photos(), "X_pca": np.zeros((N, 3))}, obs=pd.DataFrame(index=map(str, range(N))))


@pytest.fixture
def images(adata):
    return Images.from_adata(adata, use_rep="images", layer=None)


@pytest.mark.parametrize(
    ("dtype", "held"),
    [
        ("uint8", torch.uint8),
        ("float16", torch.float16),
        ("uint16", torch.float32),
        ("float32", torch.float32),
        ("float64", torch.float32),
        ("bool", torch.float32),
    ],
)
class TestEveryType:
    def test_is_held_as_networks_take_it(self, adata, dtype, held):
        adata.obsm["images"] = photos(dtype)
        images = Images.from_adata(adata, use_rep="images", layer=None)
        assert images.spec == CellSpec("images", SHAPE, held)
        store = open_store(images.read(adata), dtype=images.spec.numpy_dtype)
        assert store.gather(torch.arange(3)).dtype == held
        images.check(adata, np.zeros(N, dtype=int))

    def test_comes_back_in_it(self, adata, dtype, held):
        adata.obsm["images"] = photos(dtype)
        images = Images.from_adata(adata, use_rep="images", layer=None)
        made = images.to_adata(photos(dtype).astype(np.float32), adata.obs)
        assert made.X is None
        assert made.obsm["images"].dtype == dtype
        np.testing.assert_array_equal(made.obsm["images"], adata.obsm["images"])


def test_whole_numbers_are_rounded_and_stay_in_their_range(images, adata):
    cells = np.full((N, *SHAPE), 7.6)
    cells[0], cells[1] = -20, 300
    made = images.to_adata(cells, adata.obs).obsm["images"]
    assert (made[0] == 0).all()
    assert (made[1] == 255).all()
    assert (made[2:] == 8).all()


def test_entries_of_four_dimensions_declare_images(adata):
    assert Images.is_declared(adata, "images")
    assert not any(Images.is_declared(adata, name) for name in ("X_pca", "X", "nobody", None))


def test_the_only_entry_with_images_is_found(adata, images):
    assert Images.from_adata(adata, use_rep=None, layer=None) == images
    adata.obsm["masks"] = photos("bool")
    with pytest.raises(ValueError, match=r"not just one. Entries of that shape: \['images', 'masks'\]"):
        Images.from_adata(adata, use_rep=None, layer=None)


def test_what_is_stored_is_read_again(images):
    config, arrays = images.to_stored()
    assert Images.from_stored(json.loads(json.dumps(config)), arrays) == images
    assert REPRESENTATIONS.name_of(Images) == "images"


def test_names_are_those_of_ground_coordinates(images):
    assert len(images.names) == np.prod(ground_shape(SHAPE))
    assert (images.names[0], images.names[-1]) == ("images_0_0_0", "images_1_4_3")
    assert images.transform(None) == TransformSpec("channels", images.spec, {"method": "feature"})
    with pytest.raises(ValueError, match="`scaling` must be one of"):
        images.transform("rank")


def test_entries_that_hold_no_images_are_refused(adata):
    for use_rep, layer, error, message in (
        ("X_pca", None, ValueError, r"must have shape \(n_obs, C, Y, X\), got \(30, 3\) in 'X_pca'. .*\['images'\]"),
        ("nobody", None, KeyError, r"must name an entry of `adata.obsm` with images, got 'nobody'"),
        (None, "counts", ValueError, r"Images are entries of `adata.obsm`, got `layer='counts'`"),
    ):
        with pytest.raises(error, match=message):
            Images.from_adata(adata, use_rep=use_rep, layer=layer)
    adata.obsm["images"] = photos().astype(complex)
    with pytest.raises(TypeError, match="must be numbers, got type complex128"):
        Images.from_adata(adata, use_rep="images", layer=None)


def test_images_of_another_shape_or_type_than_the_reference_are_refused(adata, images):
    for entry, error, message in (
        (photos(shape=(2, 5, 5)), ValueError, r"must hold images of shape \(2, 5, 4\) as in the reference"),
        (photos("float32"), TypeError, "must be of type uint8 as in the reference, got float32"),
        (photos("uint16"), TypeError, "must be of type uint8 as in the reference, got uint16"),
    ):
        adata.obsm["images"] = entry
        with pytest.raises(error, match=message):
            images.read(adata)
    del adata.obsm["images"]
    with pytest.raises(KeyError, match="must hold 'images', which the reference uses"):
        images.read(adata)


def test_real_numbers_of_any_precision_are_read(adata):
    adata.obsm["images"] = photos("float32")
    images = Images.from_adata(adata, use_rep="images", layer=None)
    adata.obsm["images"] = photos("float16")
    assert images.read(adata).dtype == np.float16


def test_pixels_must_be_finite_in_cells_that_are_in_a_set(adata):
    adata.obsm["images"] = photos("float32")
    adata.obsm["images"][3, 1, 2, 2], adata.obsm["images"][4, 0, 0, 0] = np.nan, np.inf
    images, codes = Images.from_adata(adata, use_rep="images", layer=None), np.zeros(N, dtype=int)
    with pytest.raises(ValueError, match=r"must be finite, got NaN or infinity in 2 cells"):
        images.check(adata, codes)
    codes[[3, 4]] = -1
    images.check(adata, codes)


def test_generated_images_are_not_decoded_to_genes(images):
    with pytest.raises(ValueError, match="`decode=True` needs a fit on principal components, got images"):
        images.check_decodable()


@pytest.fixture(params=["h5py", "zarr"])
def on_disk(request, tmp_path):
    """The same images in a file, one cell a chunk."""
    if request.param == "zarr":
        entry = zarr.create_array(tmp_path / "x.zarr", shape=(N, *SHAPE), dtype="uint8", chunks=(1, *SHAPE))
        entry[:] = photos()
        yield entry
    else:
        with h5py.File(tmp_path / "x.h5", "w") as file:
            yield file.create_dataset("x", data=photos(), chunks=(1, *SHAPE))


def test_images_on_disk_are_read_by_row(on_disk, adata):
    adata.obsm["images"] = on_disk
    images = Images.from_adata(adata, use_rep="images", layer=None)
    images.check(adata, np.zeros(N, dtype=int))
    store = open_store(images.read(adata), dtype=images.spec.numpy_dtype, max_bytes=100)
    assert isinstance(store, StreamedStore)
    rows = torch.tensor([[7, 2], [7, 29]])
    np.testing.assert_array_equal(store.gather(rows).numpy(), photos()[rows.numpy()])
