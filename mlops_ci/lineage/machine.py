"""The machine that a model was trained on, as far as it can change a result."""

from __future__ import annotations

import platform
import re
import shutil
from pathlib import Path

from mlops_ci.errors import ToolError
from mlops_ci.process import run

_GPU_SECONDS = 5.0
_VECTORS = ("avx512f", "avx2", "avx", "asimd", "sve")
_BLAS = re.compile(r"(?:lib)?((?:scipy_)?openblas|mkl_rt|blis)[\w.+-]*", re.IGNORECASE)


def describe(interpreter: str = "") -> dict[str, str]:
    """`os`, `arch`, `cpu`, `vectors` (what the widest kernels of a BLAS may use), `blas`, `gpu`; known ones only."""
    found = {
        "os": platform.system(),
        "arch": platform.machine(),
        **_cpu(),
        "blas": _blas(interpreter),
        "gpu": _gpu(),
    }
    return {name: value for name, value in found.items() if value}


def _cpu() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return {"cpu": platform.processor()}
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, re.MULTILINE)
    known = set(flags[1].split()) if flags else set()
    vectors = " ".join(one for one in _VECTORS if one in known)
    return {"cpu": name[1].strip() if name else platform.processor(), "vectors": vectors}


def _blas(interpreter: str) -> str:
    """The library that NumPy's wheel brings, by its file name, with NumPy's version. Nothing is imported."""
    if not interpreter:
        return ""
    prefix = Path(interpreter).parent.parent
    for site in sorted(
        (*prefix.glob("lib/python*/site-packages"), *prefix.glob("Lib/site-packages"))
    ):
        numpy = [one.name[6:-10] for one in site.glob("numpy-*.dist-info")]
        libraries = sorted(
            one.name for one in site.glob("numpy.libs/*") if _BLAS.fullmatch(one.name)
        )
        if numpy:
            return f"{libraries[0] if libraries else 'unknown'} (numpy {numpy[0]})"
    return ""


def _gpu() -> str:
    """Names and driver, as nvidia-smi tells them."""
    if shutil.which("nvidia-smi") is None:
        return ""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = run(query, timeout=_GPU_SECONDS)
    except ToolError:
        return "unknown"
    lines = done.stdout.decode("ascii", "replace").splitlines()
    return "; ".join(line.strip() for line in lines) if done.returncode == 0 else "unknown"
