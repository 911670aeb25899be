"""`python -m soyuz`: the command line."""

import os
import sys

from soyuz import runtime

runtime.choose(sys.argv, os.environ)  # before anything else is imported

from server import main

if __name__ == "__main__":
    main()
