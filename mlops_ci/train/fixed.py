"""What is the same in every run: the seed of Python's hashes, the number of threads, the kernels of cuBLAS.

https://docs.python.org/3/using/cmdline.html#envvar-PYTHONHASHSEED
https://docs.nvidia.com/cuda/cublas/index.html#results-reproducibility
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.lineage.seeds import SEED

if TYPE_CHECKING:
    from collections.abc import Mapping

_THREADS = """BLIS_NUM_THREADS MKL_NUM_THREADS NUMEXPR_NUM_THREADS OMP_NUM_THREADS OPENBLAS_NUM_THREADS
    POLARS_MAX_THREADS RAYON_NUM_THREADS VECLIB_MAXIMUM_THREADS""".split()
_WORKSPACE = ":4096:8"


def fixed(environ: Mapping[str, str], *, seed: int, threads: int) -> dict[str, str]:
    """The variables to set. What the environment says already stands, but for what would be different each time.

    `threads`: 0 leaves their number to the machine.
    """
    wanted = {name: str(threads) for name in _THREADS if threads}
    wanted["CUBLAS_WORKSPACE_CONFIG"] = _WORKSPACE
    said = {name: environ[name] for name in wanted if environ.get(name)}
    hashes = environ.get("PYTHONHASHSEED", "")
    return wanted | said | {SEED: str(seed), "PYTHONHASHSEED": hashes if hashes.isdigit() else "0"}
