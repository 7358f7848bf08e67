import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "tracking.md"


def test_the_example_of_the_documentation_runs(capsys):
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    exec(compile(snippet, str(PAGE), "exec"), {})
    assert "True" in capsys.readouterr().out
