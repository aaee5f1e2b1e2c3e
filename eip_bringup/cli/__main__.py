"""`python -m eip_bringup.cli` is `eip`."""

import sys

from eip_bringup.cli import main

sys.exit(main())
