"""How good colors are: metrics with intervals, and colorizers to compare a model with."""
