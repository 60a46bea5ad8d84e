"""The flags of train.py and test.py, and the record of a run's flags."""
