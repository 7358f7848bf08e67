from ..sequences.conftest import builder, sequence, tracked  # noqa: F401
