"""`python -m stages NAME` runs one stage of the pipeline, with its options."""

import sys

from stages.cli import run_stage

if __name__ == "__main__":
    sys.exit(run_stage(sys.argv[1], sys.argv[2:]))
