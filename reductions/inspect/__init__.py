"""Looking inside transformers: layer after layer, and the explorer."""
