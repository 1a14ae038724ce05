"""What each command takes, a file a command; light, so that help and refusals are quick."""
