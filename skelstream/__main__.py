"""``python -m skelstream``: the command line."""

from importlib import import_module

if __name__ == "__main__":
    # Imported by name: in a checkout the command line does not lie inside the library's folder.
    import_module("skelstream.cli").main()
