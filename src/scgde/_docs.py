"""Paragraphs that the docstrings of many functions share, written once."""

from __future__ import annotations

import re
from typing import TypeVar

#: Text by placeholder; ``%(key)s`` in a docstring stands for that of ``key``.
PARAGRAPHS = {
    "key": "Name under which the fit was written.",
    "seed": "Random seed.",
    "ax": "Axes to draw in, where there is one panel. None: those of a new figure.",
    "title": "Title of the axes.",
    "titles": "One title per panel.",
    "legend": "Whether to draw the legend.",
    "palette": "Colours of categories, as in :func:`scgde.pl.embedding`.",
    "components": "The two to draw, from 0.",
    "channels": "Of images: those to draw, from 0 and at most three, each in one colour; by default the first three.",
    "show": (
        "Show the figure and return None in place of axes, as scanpy does. None: show it if `ax` is not given and\n"
        "matplotlib is interactive, as it is in a notebook."
    ),
    "save": "File to write the figure to, format by ending. The figure is then closed, unless `ax` is given.",
    "returns_axes": "The axes; None if the figure was shown.",
    "returns_axes_per_kind": "One axes per kind; None if the figure was shown.",
    "fitted_adata": "Annotated data; changed only once the fit is complete.",
    "use_rep": 'Entry of ``obsm`` with the features, or ``"X"``; by default ``X_pca`` where it is there, else ``X``.',
    "layer": "Layer with the features.",
    "decode": (
        "Whether to map cells back to genes: to counts, where :func:`scgde.tl.fit_decoder` fitted a decoder; else\n"
        "principal components to values in the units that they were computed from, log-normalised as a rule."
    ),
    "decode_moved": (
        'Whether to map cells back to genes. By default, of a fit of counts (``cells="counts"``), to the counts that\n'
        "were observed, at other rates; else not. True: also to counts where :func:`scgde.tl.fit_decoder` fitted a\n"
        "decoder, and components without one to log-normalised values. False: components."
    ),
    "clip": "Whether values of genes below zero, which loadings give, become zero. They are no counts for that.",
    "library_size": (
        'Of a fit of counts, what the counts of a cell sum to on average: a number, ``"median"`` for that of the\n'
        "training cells, or an array that broadcasts to ``(sets, n_cells)``. The same cells are sequenced deeper, or\n"
        "less deep. None: drawn with the cells."
    ),
    "cells": (
        'What a cell is, a name in ``scgde.data.representations.REPRESENTATIONS``: ``"vectors"``, ``"counts"``,\n'
        '``"components"``, ``"tokens"`` or ``"images"``. By default what the entry declares, and ``"vectors"`` where\n'
        'it declares nothing. Of ``"counts"``, transports move the components, and return counts.'
    ),
    "encoder": (
        'Of sets, a name in ``scgde.nn.ENCODERS``: ``"pooled_gnn"``, ``"residual_gnn"``, ``"median_gnn"``,\n'
        '``"deep_sets"``, ``"kernel_mean"``, ``"moments"``, ``"pooled_attention"``, ``"residual_attention"`` or\n'
        '``"wormhole"``. See the page *What do I need?*.'
    ),
    "generator": (
        'Of cells, a name in ``scgde.nn.GENERATORS``: ``"flow_matching"`` (the default for vectors and images),\n'
        '``"diffusion"``, ``"cvae"``, ``"energy"``, ``"mmd"``, ``"sinkhorn"``, ``"sliced_wasserstein"``,\n'
        '``"wormhole"``, ``"autoregressive"`` (the default for tokens) or ``"masked_flow"`` (of tokens).\n'
        '``"backbone"`` in ``generator_kwargs`` is ``"mlp"`` or ``"unet"``, by default by the kind of cells.'
    ),
    "transport": (
        'A name in ``scgde.nn.TRANSPORTS``: ``"flow_matching"``, ``"energy"``, ``"mmd"``, ``"sinkhorn"`` or\n'
        '``"sliced_wasserstein"``; of tokens ``"masked_flow"``.'
    ),
    "featurizer": (
        'What the encoder reads of a cell, a name in ``scgde.nn.FEATURIZERS``: ``"identity"``, ``"mlp"``,\n'
        '``"fourier"``, ``"kmer"``, ``"conv1d"`` or ``"conv2d"``. By default that of the kind of cells: of vectors\n'
        'the cell itself, of tokens ``"kmer"``, of images ``"conv2d"``.'
    ),
    "predictor": (
        'A name in ``scgde.predictors.PREDICTORS``: ``"kernel"``, ``"neighbors"``, ``"ridge"``, ``"mlp"``,\n'
        '``"flow"``, ``"additive"`` or ``"effect_ridge"``. By default ``"additive"`` of perturbations, else\n'
        '``"kernel"``.'
    ),
    "six_of_gde": (
        "Six parameters matter first: `groupby` (the sets), `use_rep` (what a cell is), `batch_key` and `label_key`\n"
        "(what is known of the sets), `n_latent` and `max_steps`. The others have defaults that fit most data; they\n"
        "follow in groups: data, networks, geometry, columns of sets, training, output, and options of networks."
    ),
    "six_of_tde": (
        "Six parameters matter first: `groupby` and `time_key` or `pairs` (the sets, and which of them follow each\n"
        "other), `use_rep` (what a cell is), `condition_keys`, `predictor` and `max_steps`. The others have defaults\n"
        "that fit most data; they follow in groups: data, networks, geometry, columns of sets, training, and output."
    ),
    "mask": "Boolean array, or name of a boolean column of ``obs``: cells with False are in no set.",
    "min_cells": "Smaller sets are dropped, with one warning. Those of one cell have no standard error.",
    "n_latent": "Dimensions of the embedding.",
    "isometry": (
        "Weight of a term that ties latent distance to Wasserstein-2 distance between sets; 0 for none. By default 0,\n"
        "and 0.1 for images, whose generator teaches the encoder little until it can draw them."
    ),
    "isometry_ground": (
        'How that distance is estimated: ``"sliced"``; ``"sinkhorn"``, nearer to it and several times as long; or\n'
        '``"gaussian"``, between Gaussians with the moments of the sets, in the directions in which sets differ, for\n'
        'sequences and images. By default ``"gaussian"`` for images and ``"sliced"`` for other cells.'
    ),
    "scaling": (
        '``"common"`` divides all features by one number, ``"feature"`` each by its own standard deviation,\n'
        '``"none"`` does not scale. By default ``"common"`` for an ``obsm`` entry, whose axes share one metric,\n'
        'and ``"feature"`` for ``X`` and layers.'
    ),
    "max_steps": "Optimiser steps; 1,000 by default.",
    "n_jobs": (
        "Processes; None for one, or what ``joblib.parallel_config`` says, which may be those of a cluster. The\n"
        "result does not depend on it."
    ),
    "accelerator": '``"auto"`` takes a GPU where there is one.',
    "devices": (
        'Number of devices, ``"auto"`` for all, or a list; machines with so many each; and strategy of Lightning.\n'
        "Each device draws ``sets_per_batch`` sets a step: n do what one does with ``accumulate_grad_batches=n``.\n"
        'A script runs once for each device; with ``"ddp_fork"`` or ``"ddp_notebook"`` only the training does.'
    ),
    "checkpoint_dir": (
        "Folder of the training state; an interrupted fit that is called again with it resumes where it stopped."
    ),
    "progress_bar": "Whether to show one.",
    "fit_seed": "Random seed; same seed, machine and number of threads, same result.",
    "sets_like": (
        'Names of sets, or ``{"status": "Covid"}`` for all sets with this value, in a column of the set table or\n'
        "``obs``."
    ),
    "key_added": "Name under which results are written.",
    "data_path": (
        "the file, or a folder that holds it. None: the folder ``$SCGDE_DATA``, then the server ``$SCGDE_DATA_URL``."
    ),
    "data_raises": (
        "FileNotFoundError\n"
        "    If the file is not there; the message says where the data are to be had.\n"
        "OSError\n"
        "    If the server cannot be reached, or does not have the file.\n"
        "ValueError\n"
        "    If a column is missing."
    ),
}
_PLACEHOLDER = re.compile(r"%\((\w*)\)s?")
T = TypeVar("T")


def shared_docs(documented: T) -> T:
    """Replace placeholders in the docstring of a function or class by the paragraphs they name.

    Only the docstring changes. A paragraph takes the indentation of the line that names it, and text may go on after
    the placeholder.

    Raises
    ------
    KeyError
        If there is no such paragraph: at import, since this is a decorator.
    """
    if documented.__doc__ is not None:  # as it is under `python -OO`
        documented.__doc__ = _PLACEHOLDER.sub(_paragraph, documented.__doc__)
    return documented


def _paragraph(placeholder: re.Match[str]) -> str:
    name = placeholder[1]
    if name not in PARAGRAPHS or not placeholder[0].endswith("s"):
        msg = f"A placeholder must be one of {[f'%({name})s' for name in PARAGRAPHS]}, got {placeholder[0]!r}."
        raise KeyError(msg)
    line = placeholder.string[: placeholder.start()].rpartition("\n")[2]
    indent = line[: len(line) - len(line.lstrip())]
    return PARAGRAPHS[name].replace("\n", f"\n{indent}")
