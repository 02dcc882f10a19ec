"""`python -m models.attributes`."""

import sys

from models.attributes.command import main

if __name__ == "__main__":
    sys.exit(main())
