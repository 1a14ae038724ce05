"""What an architecture cannot do, shown by two inputs it cannot distinguish, and what it can."""
