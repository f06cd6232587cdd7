import hashlib
import http.server
import sys
import threading
from functools import partial

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import datasets
from scgde.datasets import _download

FILE = "covid_pbmc_stephenson_pca.h5ad"


def write_cell(path, columns):
    """Write a file of one cell."""
    ad.AnnData(np.zeros((1, 2), dtype=np.float32), obs=pd.DataFrame(1, index=["cell"], columns=columns)).write_h5ad(
        path
    )
    return path


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and no local folder."""
    monkeypatch.delenv("SCGDE_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda _: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server of an empty folder."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("SCGDE_DATA_URL", f"http://127.0.0.1:{server.server_address[1]}/")
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def served(server, monkeypatch):
    """The file of `datasets.covid` on the server, known by its checksum."""
    path = write_cell(server / FILE, ["donor", "status", "cell_type"])
    monkeypatch.setitem(_download.CHECKSUMS, FILE, hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_downloads_once(served):
    first = datasets.covid()
    served.unlink()
    pd.testing.assert_frame_equal(datasets.covid().obs, first.obs)
    assert first.n_obs == 1


def test_refuses_and_forgets_a_file_of_another_checksum(served, cache):
    served.write_bytes(served.read_bytes() + b"more")
    with pytest.raises(ValueError, match="does not match the known hash"):
        datasets.covid()
    assert not list(cache.rglob("*.h5ad"))


@pytest.mark.usefixtures("server")
def test_says_which_address_has_no_file():
    with pytest.raises(OSError, match=rf"127\.0\.0\.1:\d+/{FILE} cannot be downloaded .*404.*must be the address"):
        datasets.covid()


def test_says_so_where_no_server_answers(monkeypatch):
    monkeypatch.setenv("SCGDE_DATA_URL", "http://127.0.0.1:9")
    with pytest.raises(OSError, match="cannot be downloaded"):
        datasets.covid()


def test_names_the_extra_that_is_missing(monkeypatch):
    monkeypatch.setenv("SCGDE_DATA_URL", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ModuleNotFoundError, match=r"scgde\[data\]"):
        datasets.covid()


@pytest.mark.usefixtures("served")
def test_a_path_that_is_given_is_not_replaced_by_a_download(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        datasets.covid(tmp_path / "other.h5ad")


@pytest.mark.usefixtures("served")
def test_a_local_file_comes_first(tmp_path, monkeypatch):
    write_cell(tmp_path / FILE, ["donor", "status", "cell_type", "local"])
    monkeypatch.setenv("SCGDE_DATA", str(tmp_path))
    assert "local" in datasets.covid().obs


def test_every_checksum_is_that_of_the_file(real_data):
    seen = {file: hashlib.sha256(real_data(file).read_bytes()).hexdigest() for file in _download.CHECKSUMS}
    assert seen == _download.CHECKSUMS
