"""Feature extractors that the networks are built on."""
