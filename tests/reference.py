"""d2l's torch module, the reference that tests and benchmarks hold ours against.

Import this instead of d2l. d2l imports torchvision, for nothing that is used here, so
an empty module stands in for it inside this process; and it would download the
airfoil file, so it is pointed at the book's own copy.
"""

import sys
import types

import descent.data


def _load():
    if "torchvision" not in sys.modules:
        stand_in = types.ModuleType("torchvision")
        stand_in.transforms = types.ModuleType("torchvision.transforms")
        sys.modules["torchvision"] = stand_in
        sys.modules["torchvision.transforms"] = stand_in.transforms
    from d2l import torch as module

    module.download = lambda name: str(descent.data.airfoil_path())
    # Outside a notebook, d2l prints its figure at every record; that is not training.
    module.display.display = lambda *objects, **options: None
    module.display.clear_output = lambda wait=False: None
    return module


d2l = _load()
