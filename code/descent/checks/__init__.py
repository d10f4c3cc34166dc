"""Feedback on the exercises: `descent.checks.check_…(your_function)`.

One module a chapter; every check_… function of any of them can be called from here.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    if _module.name != f"{__name__}.core":
        _checks = vars(importlib.import_module(_module.name))
        globals().update({k: v for k, v in _checks.items() if k.startswith("check_")})
