from ._count_decoder import CountDecoder as CountDecoder
from ._gde import GDE as GDE
from ._serialization import StoredModelError as StoredModelError
from ._tde import TDE as TDE
from ._train_options import TrainOptions as TrainOptions
