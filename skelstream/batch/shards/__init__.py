"""Results of many clips in one file: which clips are in which shard, what is in them, and who puts them there."""
