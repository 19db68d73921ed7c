"""Measurements beside plain libremctl, the old binding and the `remctl` program."""
