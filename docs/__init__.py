"""Pages of the project, and the scripts that bring their tables up to date."""
