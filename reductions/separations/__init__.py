"""What an architecture cannot do, shown by two inputs it cannot tell apart, and what it can."""
