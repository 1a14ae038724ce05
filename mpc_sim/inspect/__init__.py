"""Looking inside a run: traces, views of machines, message matrices, the explorer."""
