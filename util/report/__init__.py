"""What a training run shows: console, logs, pages and monitors. It is handed values, never the model."""
