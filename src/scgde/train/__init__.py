"""How a module is trained."""

from __future__ import annotations

import lazy_loader

# Names are in the stub next to this file: each loads what it needs when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
