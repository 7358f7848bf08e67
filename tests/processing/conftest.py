from ..drawing.conftest import make_figure, make_walkers, two_walkers  # noqa: F401
from ..sequences.conftest import builder, sequence, tracked  # noqa: F401
