"""What kind of file a path or a beginning of a file is: a model, data, a notebook, …"""

from __future__ import annotations

import posixpath
import re
from typing import Literal

Kind = Literal["model", "data", "notebook", "media", "binary", "text"]
# So much of a file tells its kind; Git calls a file binary by a NUL in its first 8,000 bytes.
BEGINNING = 8_000
# Files that hold nothing: DVC writes the first by itself, people keep empty folders by the others.
HOLLOW = frozenset({".gitignore", ".gitkeep", ".keep"})

_SUFFIXES: dict[Kind, frozenset[str]] = {
    "model": frozenset(
        ".bst .caffemodel .cbm .ckpt .engine .ggml .gguf .h5 .joblib .keras .mlmodel .mnn .onnx .ort .params .pb "
        ".pdparams .pickle .pkl .pmml .pt .pth .safetensors .t7 .tflite .torchscript .ubj .weights".split()
    ),
    "data": frozenset(
        ".7z .arrow .avro .bam .bz2 .csv .db .dbf .dcm .dta .duckdb .fasta .fastq .feather .gz .hdf5 .jsonl .las .laz "
        ".lmdb .lz4 .mat .mcap .mdb .msgpack .nc .ndjson .nii .npy .npz .orc .parquet .pcd .rar .rdata .rds "
        ".sas7bdat .sav .shp .sqlite .sqlite3 .tar .tfrecord .tfrecords .tgz .tsv .wav .xls .xlsb .xlsx .xz .zip "
        ".zst".split()
    ),
    "notebook": frozenset({".ipynb"}),
    "media": frozenset(
        ".ai .avi .bmp .doc .docx .eps .flac .gif .ico .jpeg .jpg .key .mkv .mov .mp3 .mp4 .odp .odt .ogg .pdf "
        ".png .ppt .pptx .psd .sketch .svg .tif .tiff .ttf .webm .webp .woff .woff2".split()
    ),
    "text": frozenset(
        ".bib .c .cc .cfg .cmake .cpp .cs .css .cu .cuh .dot .geojson .go .h .hpp .htm .html .ini .java .jl .js "
        ".json .jsx .kt .less .lua .m .map .md .mjs .php .pl .proto .py .pyi .pyx .qmd .r .rb .rmd .rs .rst .sass "
        ".scala .scss .sh .sql .swift .tex .toml .ts .tsx .txt .vue .xml .yaml .yml".split()
    ),
}  # fmt: skip
_BY_SUFFIX = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes}

# Written by tools, of any size, and made to be in Git.
_LOCKS = frozenset({
    "conda-lock.yml", "go.sum", "npm-shrinkwrap.json", "package-lock.json", "packages.lock.json", "pnpm-lock.yaml",
})  # fmt: skip
_LOCK_SUFFIXES = (".dvc", ".lock", ".lockb")
_TESTS = re.compile(r"(^|/)(tests?|testing|testdata|test_data|fixtures)/", re.IGNORECASE)

_MAGIC: tuple[tuple[Kind, int, bytes], ...] = (
    ("model", 0, b"\x89HDF\r\n\x1a\n"),
    ("model", 0, b"GGUF"),
    ("model", 4, b"TFL3"),
    ("data", 0, b"PAR1"),
    ("data", 0, b"\x93NUMPY"),
    ("data", 0, b"ARROW1"),
    ("data", 0, b"SQLite format 3\x00"),
    ("data", 0, b"Obj\x01"),
    ("data", 0, b"ORC"),
)
# Protocol 2 to 5, followed by an opcode that begins a value: https://docs.python.org/3/library/pickletools.html
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x95\x8c\x8a\x8bc}\](XU)KJM]", re.DOTALL)
# The first file in a zip that torch.save writes.
_TORCH = re.compile(rb"PK\x03\x04.{26}[^/]{1,200}/(data\.pkl|\.format_version)", re.DOTALL)


def kind_of_name(path: str) -> Kind | None:
    """None when the name does not tell."""
    return _BY_SUFFIX.get(posixpath.splitext(path)[1].lower())


def kind_of_content(begin: bytes, size: int) -> Kind:
    """By the first bytes of a file."""
    for kind, offset, magic in _MAGIC:
        if begin.startswith(magic, offset):
            return kind
    if _PICKLE.match(begin) or _TORCH.match(begin) or _is_safetensors(begin, size):
        return "model"
    return "binary" if b"\0" in begin else "text"


def _is_safetensors(begin: bytes, size: int) -> bool:
    """Length of a JSON header in 8 bytes, then the header. https://huggingface.co/docs/safetensors/index#format"""
    length = int.from_bytes(begin[:8], "little")
    return begin[8:10] == b'{"' and length + 8 <= size


def is_lock(path: str) -> bool:
    """A lock file or a DVC pointer."""
    name = posixpath.basename(path)
    return name in _LOCKS or name.endswith(_LOCK_SUFFIXES)


def is_test(path: str) -> bool:
    """Whether the path lies among tests: a fixture may be larger."""
    return bool(_TESTS.search(path))
