"""`python -m soyuz`: the command line."""

from soyuz import runtime

runtime.patch()  # before anything else is imported

from soyuz.cli import main

if __name__ == "__main__":
    main()
