"""HTML page that plays skeletons in a browser."""
