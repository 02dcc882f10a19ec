"""`python -m models.convert`."""

import sys

from models.convert.command import main

if __name__ == "__main__":
    sys.exit(main())
