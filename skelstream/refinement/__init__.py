"""The second look: crops of people, and joints from their heatmaps."""
