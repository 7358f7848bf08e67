"""The part affinity field network, its weights and its runtimes."""
