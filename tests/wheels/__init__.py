"""The self-contained wheel: what is in it, where it runs, what it changes for users."""
