"""Stored models of earlier versions in the names of this one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from scgde.nn.cells import CellSpec
from scgde.nn.stored_weights import StoredModelError
from scgde.nn.transforms import TransformSpec

if TYPE_CHECKING:
    from scgde._types import Config

#: Number of the form in which models are stored; raised when names change.
FORMAT = 4

#: Arrays of form 0, and their names in form 1.
_RENAMED = {
    r"^module\.encoder\.first\.network\.0\.": "module.encoder.first.",
    r"^module\.encoder\.cell\.network\.": "module.encoder.cell.",
    r"^module\.(center|scale)$": r"module.transform.\1",
    r"^decoder\.": "representation.",
    r"^module\.table\.weight$": "module.conditioning.table.weight",
    r"^predictor\.units\.": "predictor.scaling.",
}
#: Arrays of one number in form 0, by predictor, which are plain values in form 1.
_CHOSEN = {
    "kernel": (
        "relative",
        "residuals",
        "penalty",
        "covariate_weight",
        "noise_weight",
        "linear_weight",
        "mean_penalty",
    ),
    "neighbors": ("n_neighbors", "covariate_weight", "noise_weight", "relative"),
    "ridge": ("alpha",),
}


def migrate(config: Config, state: dict[str, Any]) -> tuple[Config, dict[str, Any]]:
    """A stored model in the present form; the arguments are not changed.

    Parameters
    ----------
    config
        Plain values, of this version or an earlier one.
    state
        Arrays by name.

    Raises
    ------
    StoredModelError
        If the model was stored by a later version, or has a network that this version does not have.
    """
    found = config.get("format", 0)
    if found > FORMAT:
        msg = f"A stored model must be in form {FORMAT} or earlier, got {found}. Install a newer scgde to read it."
        raise StoredModelError(msg)
    for version in range(found, FORMAT):
        config, state = _STEPS[version](config, state)
    return config, state


def _from_0(config: Config, state: dict[str, Any]) -> tuple[Config, dict[str, Any]]:
    """From the preview of 0.1.0.

    The featurizer leaves the encoder, parts that were never trained are not built, and what a cell is has a description
    of its own, in place of a number of features, a source and a decoder.
    """
    init = dict(config["init"])
    init["encoder_kwargs"] = _without_featurizer(init["encoder"], init["encoder_kwargs"])
    if "anchored" in init.get("transport_kwargs", {}):
        options = dict(init["transport_kwargs"])
        init["transport_kwargs"] = {"preserve_identity": options.pop("anchored"), **options}
    unused = tuple(
        prefix
        for prefix, is_unused in {
            "module.isometry.": not init["isometry"],
            "module.encoder.": init.get("condition") == "lookup",
        }.items()
        if is_unused
    )
    if "generator" in init:
        init["moments"] = False
    cells = TransformSpec("affine", CellSpec.vectors(init.pop("n_features")), {"method": init.pop("scaling")})
    init |= {"cells": cells.to_config(), "target": None}
    parts, chosen = _with_chosen(config.get("parts", {}), state)
    arrays = {
        _renamed(name): value for name, value in state.items() if not name.startswith(unused) and name not in chosen
    }
    rest = {name: value for name, value in config.items() if name not in ("source", "genes")}
    source = config["source"]
    parts = {**_representation_from_0(source, config["genes"]), **parts}
    return {**rest, "format": 1, "init": init, "fitted_on": _fitted_on_from_0(source), "parts": parts}, arrays


def _from_1(config: Config, state: dict[str, Any]) -> tuple[Config, dict[str, Any]]:
    """Layers of decoders of counts, which were those of scvi-tools."""
    return {**config, "format": 2}, {name.replace("fc_layers.Layer 0.", ""): value for name, value in state.items()}


def _from_2(config: Config, state: dict[str, Any]) -> tuple[Config, dict[str, Any]]:
    """Frames of sets, which were not shrunk."""
    core = "module.core."
    if f"{core}moments.unit" not in state:
        return {**config, "format": 3}, state
    whole = np.ones(len(state[f"{core}directions"]), dtype=np.float32)
    added = {"reliability": whole, "limit": 0 * whole, "base": state[f"{core}center"]}
    return {**config, "format": 3}, {**state, **{core + name: value for name, value in added.items()}}


def _from_3(config: Config, state: dict[str, Any]) -> tuple[Config, dict[str, Any]]:
    """Contexts of generators, in which all dimensions counted alike."""
    core = "module.core."
    if f"{core}reliability" not in state:
        return {**config, "format": 4}, state
    return {**config, "format": 4}, {**state, f"{core}importance": np.ones_like(state[f"{core}reliability"])}


#: From each form to the next.
_STEPS = (_from_0, _from_1, _from_2, _from_3)


def _representation_from_0(source: Config | None, genes: list[str] | None) -> Config:
    if source is None:
        return {}
    entry = {name: source[name] for name in ("use_rep", "layer", "names")}
    return {"representation": {"name": "vectors", **entry, "genes": genes}}


def _fitted_on_from_0(source: Config | None) -> Config | None:
    if source is None:
        return None
    columns = {name: value for name, value in source.items() if name not in ("use_rep", "layer", "names", "clock")}
    return columns | ({"time_scale": source["clock"]} if "clock" in source else {})


def _with_chosen(parts: Config, state: dict[str, Any]) -> tuple[Config, set[str]]:
    """Parts of a model, the predictor with what it chose, and the arrays that held it."""
    if "predictor" not in parts:
        return parts, set()
    names = {f"predictor.{name}": name for name in _CHOSEN.get(parts["predictor"]["name"], ())}
    chosen = {name: float(state[array].item()) for array, name in names.items() if array in state}
    return {**parts, "predictor": {**parts["predictor"], "chosen": chosen}}, set(names)


def _without_featurizer(encoder: str, options: Config) -> Config:
    rest = dict(options)
    name, given = rest.pop("featurizer", "mlp"), rest.pop("featurizer_kwargs", {})
    if encoder == "deep_sets" and name == "mlp" and set(given) <= {"n_layers"}:
        return {**rest, **given}
    if name != "mlp" or given.get("n_layers", 0) != 0:
        msg = (
            f"A stored encoder must begin with a linear map, got one with a featurizer of its own: {name!r}, {given}. "
            "Featurizers are an option of the model now: fit again with `featurizer`."
        )
        raise StoredModelError(msg)
    return rest


def _renamed(name: str) -> str:
    for pattern, replacement in _RENAMED.items():
        name = re.sub(pattern, replacement, name)
    return name
