"""``python -m rtplan``."""

import sys

from rtplan.cli.main import main

sys.exit(main())
