from . import representations as representations
from ._cell_sets import (
    CellSets as CellSets,
)
from ._cell_sets import (
    CellView as CellView,
)
from ._cell_sets import (
    check_entries as check_entries,
)
from ._cell_sets import (
    column_of_sets as column_of_sets,
)
from ._cell_sets import (
    weights_of_sets as weights_of_sets,
)
from ._datamodule import SetDataModule as SetDataModule
from ._datasets import BatchSpec as BatchSpec
from ._datasets import SetBatchDataset as SetBatchDataset
from ._fingerprint import check_fingerprint as check_fingerprint
from ._fingerprint import fingerprint as fingerprint
from ._full_sets import full_set_batches as full_set_batches
from ._index import SetIndex as SetIndex
from ._pair_dataset import PairDataset as PairDataset
from ._pair_dataset import Pairs as Pairs
from ._sampling import Draw as Draw
from ._sampling import Views as Views
from ._sampling import draw_views as draw_views
from ._scvi_field import SET_KEY as SET_KEY
from ._scvi_field import SetField as SetField
from ._set_column import set_codes as set_codes
from ._set_column import set_names as set_names
from .stores import CellStore as CellStore
from .stores import blocks as blocks
from .stores import open_store as open_store
