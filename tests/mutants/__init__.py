"""Named faults, and the tests that notice them."""
