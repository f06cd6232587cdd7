"""The one place where names of AnnData entries are built."""

from __future__ import annotations


def set_column(key: str) -> str:
    """``obs`` column with the set of each cell."""
    return f"{key}_set"


def cell_embedding(key: str) -> str:
    """``obsm`` entry with the embedding of each cell's set."""
    return f"X_{key}"


#: Between the values of several columns in the name of a set.
SEPARATOR = "|"
SETS = "sets"
EMBEDDING = "embedding"
PARAMS = "params"
HISTORY = "history"
MODEL = "model"
CONFIG = "config"
STATE = "state"
COVARIANCE = "covariance"
STANDARD_ERROR = "standard_error"
CONVERGENCE = "convergence"
POPULATION_SIZE = "population_size"
DISTANCES = "distances"
NEIGHBOR_DISTANCES = "neighbor_distances"
DROPPED = "dropped"
N_CELLS = "n_cells"
SPLIT = "split"
WEIGHT = "weight"
PAIRS = "pairs"
PATH = "path"
CLASSIFICATION = "classification"
#: What the sets were when they were embedded, and the columns of set table and ``obs`` that scgde wrote.
FINGERPRINT = "fingerprint"
OWN_COLUMNS = "own_columns"
#: Of sets as observations: the label that their embedding has learnt from.
SEEN_LABELS = "seen_labels"
#: What a fit uses a set for, the values of the column ``split``.
SPLITS = ("train", "validation", "test")
