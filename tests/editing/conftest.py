from ..drawing.conftest import make_figure, make_walkers, two_walkers  # noqa: F401
