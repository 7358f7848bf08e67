from ..network.conftest import enlivened, movenet, network, one_thread  # noqa: F401
