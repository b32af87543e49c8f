"""Trained networks asked: one lesion, a whole store, or users' own files."""
