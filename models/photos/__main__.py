"""`python -m models.photos`."""

import sys

from models.photos.measures import main

if __name__ == "__main__":
    sys.exit(main())
