"""Waiting in event loops, in tasks and in greenlets."""
