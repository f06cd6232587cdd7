from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from torch.utils.data import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable


class ReadAhead(Dataset):
    """Items of a dataset in their order, each made in a thread while the one before it is in use.

    Parameters
    ----------
    dataset
        Of what is cheap to draw.
    make
        From an item of ``dataset`` to one of this, which takes long.
    """

    def __init__(self, dataset: Dataset, make: Callable[[Any], Any]) -> None:
        self._dataset, self._make = dataset, make
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._ahead: dict[int, Future] = {}

    def __len__(self) -> int:
        return len(self._dataset)  # type: ignore[arg-type]

    def __getitem__(self, item: int) -> Any:
        current = self._ahead.pop(item, None) or self._begin(item)
        if item + 1 < len(self):
            self._ahead[item + 1] = self._begin(item + 1)
        return current.result()

    def _begin(self, item: int) -> Future:
        return self._thread.submit(lambda: self._make(self._dataset[item]))
