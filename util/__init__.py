"""The ground floor: it imports nothing of data, models or options."""
