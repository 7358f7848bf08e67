"""What setuptools cannot be told in pyproject.toml: to find packages in two places, one of them under another name."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["skelstream", "skelstream.*"]),
        "skelstream.cli",
        *(f"skelstream.cli.{name}" for name in find_packages("cli")),
    ]
)
