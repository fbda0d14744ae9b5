"""`python -m stages NAME` runs one stage of the pipeline."""

import sys

from stages.cli import run_stage

if __name__ == "__main__":
    sys.exit(run_stage(sys.argv[1]))
