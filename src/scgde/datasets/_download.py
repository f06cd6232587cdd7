"""A server that holds the files of published data, each known by its checksum."""

from __future__ import annotations

import os
from pathlib import Path

#: Environment variable: address of a folder on a server.
ADDRESS = "SCGDE_DATA_URL"
#: SHA-256 of each file that the readers know.
CHECKSUMS = {
    "bodenmiller2012_pbmc_stim.h5ad": "852b993ea811857f52a817029def895a0ef6388d4c8b6ad9ca6e48569534311a",
    "covid_pbmc_stephenson_pca.h5ad": "93fcb70c3c09088ee7a0b5145a17bf14729ed74e16e3304bc0668ed10ca5740f",
    "gpra_yeast_promoters.csv.gz": "9fdeb1d6cff6986097818abf05700ef0dbaa7b839bc14241ee990c210c29d9d8",
    "igan_glomeruli_pilot.h5ad": "66a84c640418a063188b29f917fb72c4d8a445d4069f7904780967bdd966dbd7",
    "larry_invitro_spring.h5ad": "6f043b136e53a0f7244199d5d7f149d2f6b8ec48fbda1c1f2092b02ad5294e7b",
    "norman_mcfaline_perturbench_devel.h5ad": "0527efbeaf3c60edfd1560a3e73cc583b4de1bc65634abdd161ab6001d1c79b3",
    "onek1k_subset_40donors.h5ad": "e862f39c062e2ad308c96a88b8998bc8bc2906feee488ca481b38f9f4aebada7",
    "papalexi_eccite_thp1.h5ad": "8a04cb05b2bcadf1a586f8f98c376d7f227e2d3120df330feda6a47dcf277c80",
    "perez_healthy_tcells_8samples.h5ad": "e2308df84fa666525127c494d58e62eca1afe0f31ced95939e1aab063f9cd126",
    "rsv_g_proteins.csv.gz": "44db9a7e0146f9363d0f1e920484dfe4e6a915e04cabd3170ff65735724d33f9",
    "tcr_immunarch_ms_12donors.csv.gz": "bfe502183351c0f6761d0e4a09af1a4838be9ff29324d36c7080d943d03208be",
}


def download(file: str) -> Path | None:
    """Fetch a file from ``$SCGDE_DATA_URL`` into the user's cache, once.

    Returns
    -------
    Its path in the cache. None if no address is set.

    Raises
    ------
    ModuleNotFoundError
        If pooch is not installed.
    OSError
        If the server does not answer, or does not have the file.
    ValueError
        If the file is not the one of its checksum; it is not kept.
    """
    address = os.environ.get(ADDRESS)
    if not address:
        return None
    try:
        import pooch
    except ModuleNotFoundError as error:
        msg = f'${ADDRESS} is set, but pooch, which downloads files, is not installed: run `pip install "scgde[data]"`.'
        raise ModuleNotFoundError(msg) from error
    url = f"{address.rstrip('/')}/{file}"
    try:
        return Path(pooch.retrieve(url, f"sha256:{CHECKSUMS[file]}", fname=file, path=pooch.os_cache("scgde")))
    except OSError as error:
        msg = f"{url} cannot be downloaded ({error}). ${ADDRESS} must be the address of a folder that holds this file."
        raise OSError(msg) from error
