"""`python -m models.avatars`."""

from models.data.avatars.drawing import main

if __name__ == "__main__":
    main()
