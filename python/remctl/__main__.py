"""`python -m remctl`."""

import sys

from remctl._cli import main

if __name__ == "__main__":
    sys.exit(main())
