"""Geometry of RECIST marks, ellipses and outlines. All coordinates in pixels unless a name says mm."""
