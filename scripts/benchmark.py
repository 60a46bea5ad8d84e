"""Start scripts/proof/benchmark.py, which measures how fast training is: python scripts/benchmark.py --help."""

import os
import sys
from pathlib import Path

root = Path(__file__).resolve().parents[1]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
os.execv(sys.executable, [sys.executable, str(root / "scripts/proof/benchmark.py"), *sys.argv[1:]])
