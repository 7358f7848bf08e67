"""Who does the clips of a batch: a module a way, each with a function that yields records as clips are through."""
