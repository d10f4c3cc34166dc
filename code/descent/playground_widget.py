"""The playground as a widget for Jupyter, Colab and their like."""

import anywidget
import traitlets

from descent import playground


class Playground(anywidget.AnyWidget):
    """The playground; display it, or let `descent.playground.show` do so.

    Attributes, in step with what the reader does in the browser:
        config: dict, a part of a config or a whole one (`playground.complete`).
        data: dict, what surfaces are computed from: {"airfoil": airfoil_moments()}.
        options: dict of `compact`, `controls` and `hide`, as `show` takes them.
    Raises: traitlets.TraitError, a sentence, for a config that `complete` refuses.
    """

    _esm = playground.MODULE
    config = traitlets.Dict().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)
    options = traitlets.Dict().tag(sync=True)

    @traitlets.default("data")
    def _airfoil(self):
        return {"airfoil": playground.airfoil_moments()}

    @traitlets.validate("config")
    def _valid_config(self, proposal):
        try:
            playground.complete(proposal["value"])
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from error
        return proposal["value"]
