"""What training needs around it: pages, logs, checkpoints, devices."""
