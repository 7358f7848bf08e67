from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import fields
from pathlib import Path

from skelstream.network.model_file import find_model, read_header
from skelstream.training.annotations import SetConfig
from skelstream.training.augment import Augmentation
from skelstream.training.crops import CropAugmentation
from skelstream.training.detected_people import DetectionConfig
from skelstream.training.recipe import EvaluationConfig, Recipe
from skelstream.training.recipe_file import packaged_recipes, read_recipe
from skelstream.training.samples import Emphasis

OTHER_TABLES = ("sets", "network", "augmentation", "emphasis", "detection", "evaluation", "name")
DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "recipes.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.S)


def test_the_recipe_in_the_document_is_whole_and_shows_the_defaults(tmp_path: Path) -> None:
    block, _ = blocks("toml")
    path = tmp_path / "mine.toml"
    path.write_text(block)
    recipe = read_recipe(path, Path("data"))
    assert recipe.augmentation == Augmentation() and recipe.emphasis == Emphasis()
    defaults = {f.name: f.default for f in fields(Recipe)}
    for name in (
        "batch",
        "accumulate",
        "learning_rate",
        "backbone_learning_rate",
        "minutes",
        "warmup",
        "cooldown",
        "weight_decay",
        "clip",
        "ema_decay",
        "precision",
        "seed",
    ):
        assert getattr(recipe, name) == defaults[name], name
    for kind, written in ((EvaluationConfig, block), (SetConfig, block), (Recipe, block)):
        for field in fields(kind):
            if field.name not in OTHER_TABLES:
                assert re.search(rf"^{field.name} = ", written, re.M), field.name
    mixed = read_recipe(packaged_recipes()["movenet-mixed"], Path("data"))
    assert (
        recipe.sets == mixed.sets
        and recipe.evaluation == mixed.evaluation
        and recipe.network == mixed.network
    )


def test_the_top_down_tables_in_the_document_are_whole_and_show_the_defaults(tmp_path: Path) -> None:
    whole, changed = blocks("toml")
    path = tmp_path / "mine.toml"
    path.write_text("[run]\nsamples = 100\n" + changed + whole[whole.index("[[set]]") :])
    recipe = read_recipe(path, Path("data"))
    assert recipe.augmentation == CropAugmentation() and recipe.detection == DetectionConfig()
    for kind in (CropAugmentation, DetectionConfig):
        for field in fields(kind):
            assert re.search(rf"^{field.name} = ", changed, re.M), field.name


def test_packaged_recipes_are_named() -> None:
    assert all(f"`{name}`" in DOCUMENT.read_text() for name in packaged_recipes())


def test_the_recipe_of_the_how_to_is_complete(tmp_path: Path) -> None:
    page = DOCUMENT.parents[1] / "howto" / "training.md"
    (block,) = re.findall(r"```toml\n(.*?)```", page.read_text(), re.S)
    (tmp_path / "mine.toml").write_text(block)
    recipe = read_recipe(tmp_path / "mine.toml", Path("data"))
    assert recipe.samples == 20_000 and len(recipe.sets) == 1
    packaged = read_header(find_model("skelstream-movenet"))
    assert recipe.network.to_dict() == packaged.config  # so that the packaged weights can be its start


def test_the_packing_command_in_the_document_runs(tmp_path: Path) -> None:
    (block,) = (b for b in blocks("bash") if "train_elsewhere" in b)
    pack, _ = block.splitlines()
    (tmp_path / "samples").symlink_to(DOCUMENT.parents[2] / "samples")
    (tmp_path / "data" / "coco").mkdir(parents=True)
    (tmp_path / "data" / "coco" / "1.jpg").write_bytes(bytes(range(256)))
    subprocess.run(shlex.split(pack), cwd=tmp_path, check=True)
    assert {path.name for path in (tmp_path / "parts").iterdir()} == {"data.tar.part-aa", "SHA256SUMS"}
