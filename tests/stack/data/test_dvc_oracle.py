"""Generated histories, read by mlops-ci and by the real DVC in process: the same values, names and sides."""

from __future__ import annotations

import hashlib
import json
import random
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from bench.against_dvc import Values, differences, of_dvc, of_mlops_ci

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("dvc")]

FOLDERS = ("", "models/churn", "models/fraud risk", "pipelines/été")


class History:
    """Writes one state after another of a repository whose shape is drawn once, from `seed`."""

    def __init__(self, repo: Any, seed: int) -> None:
        self.repo = repo
        self.random = random.Random(seed)
        self.folders = self.random.sample(FOLDERS, self.random.randint(1, 3))
        self.subroot = self.random.random() < 0.25
        for root in {"", self.folders[-1] if self.subroot else ""}:
            repo.write(f"{root}/.dvc/config".lstrip("/"), "")
        repo.write(".gitignore", "*_cached.json\n/**/bundle/\n.dvc/cache\n")

    def state(self) -> None:
        """New values everywhere; now and then a file is renamed, loses a key or goes."""
        for folder in self.folders:
            Pipeline(self, folder).write()

    def write(self, path: str, content: str) -> None:
        self.repo.write(path.lstrip("/"), content)

    def value(self) -> Any:
        draw = self.random
        return draw.choice(
            [
                draw.random(),
                draw.randint(-5, 5),
                1e-9,
                float("nan"),
                True,
                "text",
                None,
                "0.5",
                10**18,
                -0.0,
            ]
        )

    def nested(self, depth: int = 2) -> dict[str, Any]:
        keys = self.random.sample(
            ["acc", "loss", "f1 score", "class.a", "1", "été", "list", "empty"], 4
        )
        return {key: self._entry(key, depth) for key in keys}

    def _entry(self, key: str, depth: int) -> Any:
        if key == "list":
            return [self.random.randint(0, 3) for _ in range(2)]
        if key == "empty":
            return {}
        return self.nested(depth - 1) if depth and self.random.random() < 0.4 else self.value()

    def cached(self, root: str, content: str) -> dict[str, Any]:
        """Content in the cache, and the lock entry for it, in the layout of DVC 3 or of DVC 2."""
        md5 = hashlib.md5(content.encode()).hexdigest()
        modern = self.random.random() < 0.7
        place = f"files/md5/{md5[:2]}/{md5[2:]}" if modern else f"{md5[:2]}/{md5[2:]}"
        self.write(f"{root}/.dvc/cache/{place}", content)
        return {"md5": md5, **({"hash": "md5"} if modern else {})}

    def cached_folder(self, root: str, files: dict[str, str]) -> dict[str, Any]:
        entries = []
        for name, content in sorted(files.items()):
            md5 = hashlib.md5(content.encode()).hexdigest()
            self.write(f"{root}/.dvc/cache/files/md5/{md5[:2]}/{md5[2:]}", content)
            entries.append({"md5": md5, "relpath": name})
        listing = json.dumps(entries)
        md5 = hashlib.md5(listing.encode()).hexdigest() + ".dir"
        self.write(f"{root}/.dvc/cache/files/md5/{md5[:2]}/{md5[2:]}", listing)
        return {"md5": md5, "hash": "md5", "nfiles": len(files)}


class Pipeline:
    """One dvc.yaml with its lock, params and metrics."""

    def __init__(self, history: History, folder: str) -> None:
        self.history = history
        self.draw = history.random
        self.folder = folder
        self.root = folder if history.subroot and folder == history.folders[-1] else ""
        self.stages: dict[str, Any] = {}
        self.lock: dict[str, Any] = {}
        self.top: dict[str, Any] = {}

    def write(self) -> None:
        self._params()
        for part in (
            self._plain,
            self._cached,
            self._folder,
            self._foreach,
            self._matrix,
            self._wdir,
            self._top,
        ):
            if self.draw.random() < 0.75:
                part()
        dvc_yaml = {**self.top, "stages": self.stages}
        self._write("dvc.yaml", yaml.safe_dump(dvc_yaml, allow_unicode=True, sort_keys=False))
        self._write(
            "dvc.lock", yaml.safe_dump({"schema": "2.0", "stages": self.lock}, allow_unicode=True)
        )

    def _write(self, name: str, content: str) -> None:
        self.history.write(f"{self.folder}/{name}", content)

    def _params(self) -> None:
        params = {
            "train": {
                "lr": self.draw.choice([0.1, 1e-05, 3]),
                "layers": [1, self.draw.randint(2, 9)],
            },
            "names": ["a", "b", "c"][: self.draw.randint(1, 3)],
            "kinds": {"x": {"depth": self.draw.randint(1, 9)}, "y": {"depth": 2}},
            "seed": self.draw.randint(0, 9),
        }
        self._write("params.yaml", yaml.safe_dump(params))
        self._write("extra.toml", f"[opt]\nmomentum = {self.draw.random()}\nnesterov = true\n")
        self._write(
            "conf.py", f"SIZE = {self.draw.randint(1, 9)}\nclass Net:\n    width: int = 3\n"
        )
        self._write("more.yaml", f"scale: {self.draw.randint(1, 9)}\nunused: 1\n")
        self.params = params

    def _plain(self) -> None:
        name = self.draw.choice(["metrics.json", "scores.yaml", "renamed.json"])
        values = self.history.nested()
        text = (
            json.dumps(values)
            if name.endswith(".json")
            else yaml.safe_dump(values, allow_unicode=True)
        )
        self._write(name, text)
        self.stages["plain"] = {
            "cmd": "python train.py --lr ${train.lr} --scale ${scale}",
            "vars": ["more.yaml"],
            "params": [
                "train.lr",
                "missing.key",
                {"extra.toml": ["opt"]},
                {"conf.py": None},
                "kinds.*.depth",
            ],
            "metrics": [{name: {"cache": False}}],
        }

    def _cached(self) -> None:
        name = f"{self.draw.choice(['one', 'two'])}_cached.json"
        entry = self.history.cached(self.root, json.dumps(self.history.nested()))
        self.stages["cached"] = {"cmd": "true", "metrics": [name]}
        self.lock["cached"] = {"cmd": "true", "outs": [{"path": name, **entry}]}

    def _folder(self) -> None:
        files = {"metrics.json": json.dumps(self.history.nested()), "deep/er.yaml": "acc: 0.5\n"}
        entry = self.history.cached_folder(self.root, files)
        self.stages["folder"] = {"cmd": "true", "outs": ["bundle"]}
        self.lock["folder"] = {"cmd": "true", "outs": [{"path": "bundle", **entry}]}
        self.top.setdefault("metrics", []).append("bundle/metrics.json")

    def _foreach(self) -> None:
        for name in self.params["names"]:
            self._write(f"out/{name}.json", json.dumps(self.history.nested(1)))
        self.stages["each"] = {
            "foreach": "${names}",
            "do": {
                "cmd": "run ${item} ${seed}",
                "metrics": [{"out/${item}.json": {"cache": False}}],
            },
        }

    def _matrix(self) -> None:
        for kind in ("x", "y"):
            self._write(f"grid-0.5/{kind}.json", json.dumps(self.history.nested(1)))
        self.stages["grid"] = {
            "matrix": {"kind": ["x", "y"], "rate": [0.5]},
            "cmd": "run ${kinds.x.depth}",
            "params": ["kinds.${item.kind}"],
            "metrics": [{"grid-${item.rate}/${item.kind}.json": {"cache": False}}],
        }

    def _wdir(self) -> None:
        self._write("sub/params.yaml", f"depth: {self.draw.randint(1, 9)}\n")
        self._write("sub/m.toml", f"[a]\nb = {self.draw.random()}\n")
        self.stages["wdir"] = {
            "cmd": "true",
            "wdir": "sub",
            "params": ["depth"],
            "metrics": [{"m.toml": {"cache": False}}],
        }

    def _top(self) -> None:
        self._write("live/metrics.json", json.dumps(self.history.nested()))
        self.top.setdefault("metrics", []).append("live/metrics.json")
        self.top["params"] = ["conf.py", "extra.toml"]
        self.top["vars"] = [{"inline": 3}]


def quiet_dvc(root: Path, base: str, head: str) -> tuple[Values, set[tuple[str, str]]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return of_dvc(root, base, head)


def check(root: Path, base: str, head: str | None) -> None:
    dvc, refused = quiet_dvc(root, base, head or "workspace")
    ours, unread = of_mlops_ci(root, base, head)
    roots = [
        path.parent.relative_to(root).as_posix() for path in root.rglob(".dvc") if path.is_dir()
    ]
    assert differences(dvc, ours, refused, roots) == []
    assert unread == []
    assert len(dvc) > 10


def write_history(repo: Any, seed: int) -> list[str]:
    """Three commits, and a work tree that differs from the last."""
    repo.path.mkdir()
    repo.git("init", "-q", ".")
    history = History(repo, seed)
    commits = []
    for _ in range(3):
        history.state()
        commits.append(repo.commit())
    history.state()
    return commits


def test_generated_histories_equal_dvc(repo: Any, scale: Callable[[int, int], int]) -> None:
    for seed in range(scale(6, 300)):
        one = type(repo)(repo.path / str(seed))
        first, _, last = write_history(one, seed)
        for base, head in [(first, last), (last, first), (last, None)]:
            check(one.path, base, head)
