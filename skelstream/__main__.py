"""``python -m skelstream``: the command line."""

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def _load_from_checkout(folder: Path) -> None:
    """Make ``skelstream.cli`` the command line that lies beside the library in a checkout, installed or not."""
    spec = spec_from_file_location(
        "skelstream.cli", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["skelstream.cli"] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    beside = Path(__file__).parents[1] / "cli"
    try:
        if (beside / "__init__.py").is_file() and (beside.parent / "pyproject.toml").is_file():
            _load_from_checkout(beside)
        command_line = import_module("skelstream.cli")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("typer", "rich"):
            raise
        sys.exit(f"skelstream: the command line needs {missing}: pip install typer rich")
    command_line.main()
