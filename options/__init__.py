"""What can be asked of train.py and test.py, and the record of what was asked."""
