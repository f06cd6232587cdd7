from ._devices import check_devices as check_devices
from ._plan import SetTrainingPlan as SetTrainingPlan
from ._run import run_training as run_training
from ._seeded import rng_of as rng_of
from ._seeded import seeded as seeded
from ._state_folder import open_state_file as open_state_file
from ._surroundings import own_surroundings as own_surroundings
