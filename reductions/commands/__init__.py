"""The commands of ``anna-mpc``, a file each."""
