"""What keeps a run: its state, its stop, its memory."""
