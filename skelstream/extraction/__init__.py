"""From a video to a file of skeletons: settings, one source, many sources, output, checkpoints."""
