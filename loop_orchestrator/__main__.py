"""``python -m loop_orchestrator WORD …`` is ``loop WORD …``."""

import sys

from loop_orchestrator.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
