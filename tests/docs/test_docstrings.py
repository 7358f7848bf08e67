"""The docstrings of the library: what an attribute, an argument or a function says first."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# A description has to begin with what the thing is: "of the source" says whose it is, and not what.
HEADLESS = re.compile(r"(of|as|from|by|that|which|whose|who|what) ", re.IGNORECASE)
SECTIONS = ("Attributes:", "Args:")
# Words of riddles, which a reader has to solve before the sentence.
RIDDLES = re.compile(
    r"\b(whom|whoever|whichever|somebody|looked at again|is told|to be had|thereof)\b", re.IGNORECASE
)


def documented() -> Iterator[tuple[str, str, str]]:
    """Each documented object with its kind and its docstring."""
    for folder in ("skelstream", "cli"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    text = ast.get_docstring(node)
                    if text:
                        name = getattr(node, "name", "module")
                        yield f"{path.relative_to(ROOT)}: {name}", type(node).__name__, text


def entries(text: str) -> Iterator[tuple[str, str]]:
    """Names and descriptions below Attributes and Args."""
    inside = False
    for line in text.splitlines():
        if line.strip() in SECTIONS:
            inside = True
        elif line and not line.startswith(" "):
            inside = False
        elif inside and re.match(r"    \S", line):
            name, _, description = line.strip().partition(": ")
            yield name, description


def test_no_attribute_is_headless():
    wrong = [
        f"{where}.{name}: {description}"
        for where, _, text in documented()
        for name, description in entries(text)
        if HEADLESS.match(description)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_docstring_is_a_riddle():
    wrong = [f"{where}: {found[0]}" for where, _, text in documented() if (found := RIDDLES.search(text))]
    assert not wrong, "\n".join(wrong)


def test_functions_say_what_they_do():
    """The first word of a public function is a verb in the imperative, as in PEP 257."""
    wrong = [
        f"{where}: {text.splitlines()[0]}"
        for where, kind, text in documented()
        if kind == "FunctionDef"
        and re.match(r"(A|An|The|Whether|Where|What|Who|How|Those|One|uint8|float\w*|bool|int\d*)\b", text)
        and not is_property(where)
    ]
    assert not wrong, "\n".join(wrong)


def is_property(where: str) -> bool:
    """Whether a name is a property, which may say what it is."""
    path, _, name = where.partition(": ")
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
            if any(d.endswith("property") for d in decorators):
                return True
    return False
