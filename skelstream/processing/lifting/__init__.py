"""From joints in an image to joints in space."""
