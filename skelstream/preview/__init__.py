"""Live preview in the terminal."""
