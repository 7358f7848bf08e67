"""A live preview in the terminal."""
