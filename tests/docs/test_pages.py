"""The documentation as a whole: its pages, names, options, commands, pictures and messages exist in the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

import skelstream
from skelstream.cli import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TEXTS = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
GUIDE = [page for page in PAGES if page.relative_to(DOCS).parts[0] not in ("reference", "notes")]

# Options of other programs that the pages name.
FOREIGN = {
    "--nproc-per-node",
    "--no-python",
    "--shm-size",
    "--keypoint_scale",
    "--no-tests",
    "--all-extras",
    "--name",  # of an option in general
    "--",
}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def leaves(command, path=()):
    """Every command without subcommands, by its words."""
    if not getattr(command, "commands", None):
        return {path: command}
    return {k: v for name, child in command.commands.items() for k, v in leaves(child, (*path, name)).items()}


COMMANDS = leaves(typer.main.get_command(app))


def options_of(command) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def command_lines(page: Path) -> list[str]:
    """The lines of the page's blocks that call skelstream, without what follows a pipe."""
    lines = []
    for block in re.findall(r"```(?:bash|sh|console)\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|\|", line):
                if re.search(r"(^|[ /])skelstream ", part.removeprefix("$ ")):
                    lines.append(part.removeprefix("$ ").strip())
    return lines


LINES = [(name_of(page), line) for page in TEXTS for line in command_lines(page)]


def test_there_are_pages_and_commands():
    assert len(GUIDE) > 20 and len(LINES) > 100


@pytest.mark.parametrize(("page", "line"), LINES)
def test_commands_take_the_arguments_that_they_are_given(page, line):
    words = shlex.split(line, comments=True)
    words = words[next(i for i, word in enumerate(words) if Path(word).name == "skelstream") + 1 :]
    path = tuple(words[:2]) if tuple(words[:2]) in COMMANDS else tuple(words[:1])
    command = COMMANDS[path]
    rest = words[len(path) :]
    if "..." in rest or any(word.isupper() and word.isalpha() for word in rest):  # a form, not a command
        assert {word for word in rest if word.startswith("--")} <= options_of(command)
        return
    assert not command.make_context(" ".join(path), rest).args


def test_every_option_that_is_named_exists():
    known = set().union(*map(options_of, COMMANDS.values())) | {"--version", "--help"} | FOREIGN
    scripts = [*ROOT.glob("benchmarks/*.py"), *ROOT.glob("samples/*"), *DOCS.glob("*.py")]
    known |= {
        option
        for script in scripts
        if script.is_file()
        for option in re.findall(r"--[a-z][a-z-]+", script.read_text(encoding="utf-8"))
    }
    for page in TEXTS:
        text = re.sub(r"\]\([^)]*\)|https?://\S+", "", page.read_text(encoding="utf-8"))
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9_-]*", text))
        assert named <= known, name_of(page)


def test_words_that_were_given_up_are_gone():
    old = r"--looks|--second-look|--first-look|second look|first look|--shard |--max-step|max_step|skelstream-second"
    for page in [*TEXTS, ROOT / "CHANGELOG.md"]:
        assert not re.search(old, page.read_text(encoding="utf-8")), name_of(page)


@pytest.mark.parametrize("page", GUIDE, ids=name_of)
def test_a_page_of_the_guide_is_at_most_two_screens(page):
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 90


def test_every_page_is_in_the_navigation_once():
    configuration = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = re.findall(r": ([\w/-]+\.md)$", configuration, re.M)
    generated = {"reference/cli.md", "reference/settings.md"}
    assert sorted(listed) == sorted({str(page.relative_to(DOCS)) for page in PAGES} | generated)


def test_every_public_name_has_its_place():
    documented = [
        name
        for page in (DOCS / "reference" / "api").glob("*.md")
        for name in re.findall(r"^::: (\S+)", page.read_text(encoding="utf-8"), re.M)
    ]
    assert len(documented) == len(set(documented))
    public = {f"skelstream.{name}" for name in skelstream.__all__ if not name.startswith("_")}
    assert public - {"skelstream.SkelstreamError"} <= set(
        documented
    )  # errors are on the page of their module
    for room in (
        "batch",
        "estimation",
        "evaluation",
        "extraction",
        "formats",
        "pipeline",
        "processing",
        "refinement",
        "sequences",
        "settings",
        "tracking",
        "training",
        "video",
        "diagnosis",
        "editing",
    ):
        module = __import__(f"skelstream.{room}", fromlist=["__all__"])
        known = {name.rpartition(".")[2] for name in documented}
        events = {
            "Event",
            "BatchFinished",
            "ClipFinished",
            "ClipVerified",
            "ExtractionStarted",
        }  # with their module
        assert set(module.__all__) - events <= known, room


def test_the_names_of_the_guide_for_contributors_are_there():
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    homes = (ROOT, ROOT / "skelstream", ROOT / "skelstream" / "network")
    names = re.findall(
        r"`((?:skelstream|cli|docs|tests|scripts|processing|formats|settings|tracking|refinement|backbones|runtimes|batch)"
        r"/[\w/.]*)`",
        guide,
    )
    assert len(names) > 15
    assert not [n for n in names if "NAME" not in n and not any((home / n).exists() for home in homes)]
    rows = [line.split("|")[1] for line in guide.splitlines() if line.startswith("| `")]
    rooms = re.findall(r"`([a-z_]+(?:/|\.py))`", "".join(rows))
    assert not [room for room in rooms if not any((home / room).exists() for home in homes)]
    packages = {path.parent.name for path in (ROOT / "skelstream").glob("*/__init__.py")}
    assert packages <= {room.rstrip("/") for room in rooms}


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_linked_files_exist(page):
    links = re.findall(r"\]\(([\w/.-]+)(?:#[\w-]+)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_pictures_are_small_and_shown():
    pictures = sorted((DOCS / "images").iterdir())
    shown = "".join(page.read_text(encoding="utf-8") for page in TEXTS)
    script = (DOCS / "pictures.py").read_text(encoding="utf-8")
    for picture in pictures:
        assert picture.suffix == ".png" and picture.stat().st_size < 200_000
        assert f"images/{picture.name}" in shown and f'"{picture.stem}"' in script


def test_error_messages_are_those_of_the_code():
    sources = [*ROOT.glob("skelstream/**/*.py"), *ROOT.glob("cli/*.py")]
    code = re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text(encoding="utf-8") for path in sources))
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"^\| `([^`]+)` \|", page, re.M)
    assert len(messages) > 15
    for message in messages:
        for part in re.split(r"…|'…'|'cuda'|\(--\w+\)|\(Connection refused\)|\(Torch[^)]*\)", message):
            part = part.strip(" '():;,")
            assert len(part) < 8 or part in code, message


def test_generated_pages_name_every_command_option_and_setting(monkeypatch):
    pytest.importorskip("mkdocs")
    monkeypatch.syspath_prepend(str(DOCS))
    import hooks

    page = hooks.command_line_page()
    for path, command in COMMANDS.items():
        assert f"## skelstream {' '.join(path)}\n" in page
        assert all(f"{option}" in page for option in options_of(command) if option.startswith("--"))
    assert "[/]" not in page and "Sentinel" not in page
    settings = hooks.settings_page()
    for option in skelstream.ExtractionSettings.options():
        assert f"| `{option.path[-1]}` | `{option.setting.option}` |" in settings
