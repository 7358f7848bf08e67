"""Packages in two folders, one of them under another name, which pyproject.toml cannot express."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["skelstream", "skelstream.*"]),
        "skelstream.cli",
        *(f"skelstream.cli.{name}" for name in find_packages("cli")),
    ]
)
