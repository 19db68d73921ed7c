"""What the package's loggers are about: numbers that `remctl._remctl.listening()` knows them by.

Importing this does not import logging.
"""

CONNECTIONS, CREDENTIALS, POOLS = range(3)
