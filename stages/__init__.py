"""The pipeline's stages, and the command `diffprog`. MLflow sends nothing of its use, unless it is asked to."""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when MLflow is first imported
