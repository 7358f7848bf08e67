"""People of successive frames to tracks."""
