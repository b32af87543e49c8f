"""Training: settings, the Lightning module, the run."""
