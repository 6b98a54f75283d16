"""Measurements and the demo. Nothing here is imported by the product."""
