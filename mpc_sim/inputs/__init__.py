"""What is fed to a protocol: instances, graphs, and readers of files."""
