"""Generated projects: the lock check, which sees only Git, against the real DVC in process, which sees all data."""

from __future__ import annotations

import contextlib
import logging
import random
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from bench.lock_against_dvc import differences, of_dvc, of_mlops_ci

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("dvc"),
    pytest.mark.filterwarnings("ignore"),
]

PARAMS = {
    "train": {"lr": 0.001, "layers": [1, 2], "opt": {"name": "adam", "momentum": 0.9}},
    "names": ["a", "b"],
    "kinds": {"x": {"depth": 1}, "y": {"depth": 2}},
    "seed": 7,
    "nothing": None,
}
CODE = "src/été code/main.py"


class Project:
    """One DVC project drawn from a seed, run once (`dvc commit` writes the lock), and then changed."""

    def __init__(self, repo: Any, seed: int) -> None:
        self.repo = repo
        self.draw = random.Random(seed)
        self.folder = self.draw.choice(["", "", "models/fraud risk", "été"])
        self.sub = bool(self.folder) and self.draw.random() < 0.4
        self.root = repo.path / (self.folder if self.sub else "")
        self.legacy = self.draw.random() < 0.15
        self.pipelines: dict[str, dict[str, Any]] = {}

    def maybe(self, share: float = 0.6) -> bool:
        return self.draw.random() < share

    def write(self, path: str, content: str | bytes) -> None:
        self.repo.write(f"{self.folder}/{path}".lstrip("/"), content)

    def path(self, path: str) -> Path:
        return self.repo.path / self.folder / path

    # -- the project as it was run

    def build(self) -> None:
        self._files()
        stages: dict[str, Any] = {"prepare": self._prepare()}
        stages["train"] = self._train()
        parts = (
            self._evaluate,
            self._each,
            self._grid,
            self._wdir,
            self._inner,
            self._odd,
            self._vars,
        )
        self.filters()
        for part in parts:
            if self.maybe(0.7):
                stages |= part()
        self.stages = stages
        if self.maybe(0.4):
            self._second()
        self.save()
        self.init()
        if self.maybe():
            self.repo.write(
                ".dvcignore" if not self.sub else f"{self.folder}/.dvcignore", "*.log\n/skipped/\n"
            )
        self.add("data/raw.csv")
        self.add("data/images")
        self.run()

    def save(self, name: str = "dvc.yaml") -> None:
        body: dict[str, Any] = {"stages": self.stages}
        if getattr(self, "vars", None):
            body["vars"] = self.vars
        self.write(name, yaml.safe_dump(body, allow_unicode=True, sort_keys=False))

    def init(self) -> None:
        from dvc.repo import Repo

        Repo.init(str(self.root), subdir=self.sub).close()

    def add(self, path: str) -> None:
        from dvc.repo import Repo

        with contextlib.chdir(self.root), Repo(str(self.root)) as repo:
            repo.add(str(self.path(path)))

    def run(self, target: str | None = None) -> None:
        """Record what is there as if it had been run."""
        from dvc.repo import Repo

        with contextlib.chdir(self.root), Repo(str(self.root)) as repo:
            repo.commit(target, force=True)
        if self.legacy:
            self._make_legacy()

    def _make_legacy(self) -> None:
        lock = self.path("dvc.lock")
        text = lock.read_text("utf-8")
        lock.write_text(text.replace("      hash: md5\n", ""), "utf-8")
        shutil.copytree(
            self.root / ".dvc/cache/files/md5", self.root / ".dvc/cache", dirs_exist_ok=True
        )

    def _files(self) -> None:
        self.write(".gitignore", "/features\n/model.bin\n")
        self.write("params.yaml", yaml.safe_dump(PARAMS))
        self.write("conf.toml", "[opt]\nrate = 1e-3\nnesterov = true\n")
        self.write("conf.json", '{"a": {"b": 1, "c": [1, 2]}, "d": 1e-3}')
        self.write("conf.py", "SIZE = 3\nPAIR = (1, 2)\nclass Net:\n    width: int = 3\n")
        self.write("more.yaml", "scale: 2\nunused: 1\n")
        self.write(CODE, "print('main')\n")
        self.write("src/lib.py", "x = 1\n")
        self.write("src/note.log", "log\n")
        self.write("src/sub/deep.py", "y = 2\n" * 50)
        self.write("prepare.py", "a\nb\n")
        self.write("data/raw.csv", "a,b\n1,2\n")
        self.write("data/images/one.png", b"\x89PNG\r\n\x1a\n\x00one")
        self.write("data/images/in/two.png", b"\x89PNG\x00two")
        self.write("table.csv", "a,b\n1,2\n")
        for name in (
            "features/all.csv",
            "features/part/x.csv",
            "model.bin",
            "report/a.txt",
            "report/b.txt",
        ):
            self.write(name, f"{name}\n")
        self.write("metrics.json", '{"acc": 0.5}\n')
        for name in ("a", "b", "c", "1", "2"):
            self.write(f"out/{name}.json", f'{{"v": "{name}"}}')
        for name in ("x-0.5", "y-0.5", "x-1", "y-1"):
            self.write(f"grid/{name}.json", f'{{"v": "{name}"}}')
        self.write("inner/params.yaml", "depth: 3\n")
        self.write("inner/code.py", "z\n")
        self.write("inner/m.json", "{}")
        if self.maybe(0.3):
            lines = [
                "*.py text eol=crlf",
                "*.csv -text",
                "prepare.py ident",
                "*.txt text=auto eol=lf",
            ]
            self.repo.write(".gitattributes", "\n".join(self.draw.sample(lines, 2)) + "\n")

    def filters(self) -> None:
        """What makes a file on disk differ from what Git stores."""
        if self.maybe(0.25):
            self.repo.git("config", "core.autocrlf", "true")
            self.crlf()
        self.lfs = self.maybe(0.25)
        if self.lfs:
            self.repo.git("lfs", "install", "--local")
            attributes = self.repo.path / ".gitattributes"
            known = attributes.read_text("utf-8") if attributes.exists() else ""
            line = "table.csv filter=lfs diff=lfs merge=lfs -text\n"
            self.repo.write(".gitattributes", known + line)

    def _second(self) -> None:
        """A pipeline of its own that goes on from the first."""
        stage = {
            "cmd": "go ${depth}",
            "deps": ["../model.bin", "../src/lib.py", "../table.csv"],
            "params": ["depth"],
            "outs": ["done.bin"],
        }
        self.write("second/dvc.yaml", yaml.safe_dump({"stages": {"go": stage}}))
        self.write("second/params.yaml", "depth: 1\n")
        self.write("second/done.bin", "done\n")
        self.write("second/.gitignore", "/done.bin\n")

    def _prepare(self) -> dict[str, Any]:
        return {
            "cmd": self.draw.choice(["python prepare.py", ["python prepare.py", "echo done"]]),
            "deps": ["prepare.py", "data/raw.csv", *(["data/images"] if self.maybe() else [])],
            "params": ["seed"],
            "outs": ["features"],
        }

    def _train(self) -> dict[str, Any]:
        params: list[Any] = ["train.lr", "train.opt", "nothing"]
        params += [
            one
            for one in ({"conf.toml": ["opt.rate"]}, {"conf.json": ["a", "d"]}, {"conf.py": None})
            if self.maybe()
        ]
        return {
            "cmd": "python ${train.opt.name} --seed ${seed}",
            "deps": ["features", *self.draw.sample(["src", CODE, "table.csv", "src/sub"], 2)],
            "params": params,
            "outs": ["model.bin"],
            "metrics": [{"metrics.json": {"cache": False}}],
        }

    def _evaluate(self) -> dict[str, Any]:
        return {
            "evaluate": {
                "cmd": "evaluate",
                "deps": [
                    "model.bin",
                    "features/all.csv",
                    *(["features/part"] if self.maybe() else []),
                ],
                "outs": [{"report": {"cache": False}}],
            }
        }

    def _each(self) -> dict[str, Any]:
        return {
            "each": {
                "foreach": self.draw.choice(["${names}", ["a", "b"], {"a": 1, "b": 2}]),
                "do": {
                    "cmd": "run ${seed}",
                    "deps": ["src/lib.py"],
                    "outs": [{"out/${item}.json": {"cache": False}}],
                },
            }
        }

    def _grid(self) -> dict[str, Any]:
        return {
            "grid": {
                "matrix": {"kind": ["x", "y"], "rate": [0.5, 1]},
                "cmd": "run ${kinds.x.depth} ${item.rate}",
                "params": ["kinds.${item.kind}"],
                "metrics": [{"grid/${item.kind}-${item.rate}.json": {"cache": False}}],
            }
        }

    def _wdir(self) -> dict[str, Any]:
        return {
            "wdir": {
                "cmd": "true",
                "wdir": "inner",
                "deps": ["code.py", "../src/lib.py"],
                "params": ["depth", {"../params.yaml": ["seed"]}],
                "metrics": [{"m.json": {"cache": False}}],
            }
        }

    def _inner(self) -> dict[str, Any]:
        return {
            "reader": {
                "cmd": "read",
                "deps": ["data/images/in/two.png"],
                "params": [{"params.yaml": None}],
            }
        }

    def _odd(self) -> dict[str, Any]:
        return {
            "frozen": {"cmd": "f", "deps": ["prepare.py"], "frozen": True, "params": ["seed"]},
            "always": {"cmd": "f", "deps": ["src/lib.py"], "always_changed": True},
            "callback": {"cmd": "echo ${seed}"},
        }

    def _vars(self) -> dict[str, Any]:
        self.vars = ["more.yaml", {"inline": 3}]
        return {"vars": {"cmd": "s ${scale} ${inline}", "deps": ["src/lib.py"], "desc": "x"}}

    # -- what may happen to it afterwards

    def change(self) -> str:
        changes = [
            self.code, self.code_in_folder, self.new_in_folder, self.gone_from_folder, self.ignored,
            self.param, self.spelling, self.unused_param, self.param_gone, self.toml, self.json, self.py,
            self.command, self.new_dep, self.new_out, self.new_stage, self.stage_gone, self.renamed, self.item,
            self.pointer, self.pointed_folder, self.upstream, self.metric, self.lock_entry, self.freeze,
            self.crlf, self.table, self.var, self.report, self.rerun, self.inner, self.untracked,
            self.second,
        ]  # fmt: skip
        chosen = self.draw.choice(changes)
        chosen()
        return chosen.__name__

    def code(self) -> None:
        self.write("prepare.py", f"a\n{self.draw.random()}\n")

    def code_in_folder(self) -> None:
        self.write(
            self.draw.choice([CODE, "src/sub/deep.py", "src/lib.py"]), f"{self.draw.random()}\n"
        )

    def new_in_folder(self) -> None:
        self.write(f"src/sub/new {self.draw.randint(0, 9)}.py", "new\n")

    def gone_from_folder(self) -> None:
        self.path("src/sub/deep.py").unlink(missing_ok=True)

    def ignored(self) -> None:
        self.write("src/note.log", f"{self.draw.random()}\n")

    def untracked(self) -> None:
        """Git ignores it, and so does DVC."""
        self.repo.write("src/.gitignore", "note.log\n*.pyc\n")

    def _params(self, **new: Any) -> None:
        self.write("params.yaml", yaml.safe_dump({**PARAMS, **new}))

    def param(self) -> None:
        self._params(
            train={**PARAMS["train"], "lr": self.draw.random()}, seed=self.draw.randint(0, 9)
        )  # type: ignore[dict-item]

    def spelling(self) -> None:
        text = yaml.safe_dump(PARAMS).replace("0.001", "1e-3").replace("seed: 7", "seed: 0x7")
        self.write("params.yaml", text)

    def unused_param(self) -> None:
        self._params(other=self.draw.random())

    def param_gone(self) -> None:
        self.write(
            "params.yaml", yaml.safe_dump({k: v for k, v in PARAMS.items() if k != "nothing"})
        )

    def toml(self) -> None:
        self.write("conf.toml", f"[opt]\nrate = {self.draw.choice([0.001, 2.5])}\n")

    def json(self) -> None:
        value = self.draw.choice(["0.001", "2", '"x"'])
        self.write("conf.json", f'{{"a": {{"c": [1, 2], "b": 1.0}}, "d": {value}}}')

    def py(self) -> None:
        self.write(
            "conf.py",
            f"SIZE = {self.draw.choice([3, 4])}\nPAIR = (1, {self.draw.choice([2, 3])})\nclass Net:\n    width = 3\n",
        )

    def command(self) -> None:
        body = self.stages[self.draw.choice(list(self.stages))]
        body.get("do", body)["cmd"] = "other"
        self.save()

    def new_dep(self) -> None:
        self.stages["prepare"]["deps"] = [*self.stages["prepare"]["deps"], "inner/code.py"]
        self.save()

    def new_out(self) -> None:
        self.stages["prepare"]["outs"] = [
            *self.stages["prepare"]["outs"],
            {"table.csv": {"cache": False}},
        ]
        self.save()

    def new_stage(self) -> None:
        self.stages["new"] = {"cmd": "new", "deps": ["prepare.py"]}
        self.save()

    def stage_gone(self) -> None:
        if len(self.stages) > 2:
            self.stages.pop(self.draw.choice(list(self.stages)[2:]))
            self.save()

    def renamed(self) -> None:
        name = self.draw.choice(list(self.stages))
        self.stages = {
            f"{key}-2" if key == name else key: value for key, value in self.stages.items()
        }
        self.save()

    def item(self) -> None:
        self._params(names=["b", "c"])

    def pointer(self) -> None:
        self.write("data/raw.csv", f"a,b\n{self.draw.random()}\n")
        self.add("data/raw.csv")

    def pointed_folder(self) -> None:
        self.write("data/images/in/two.png", f"{self.draw.random()}\0")
        self.add("data/images")

    def upstream(self) -> None:
        self.write("features/part/x.csv", f"{self.draw.random()}\n")
        self._rerun("prepare")

    def rerun(self) -> None:
        self._rerun(self.draw.choice(list(self.stages)))

    def _rerun(self, stage: str) -> None:
        definition = self.stages.get(stage, {})
        if definition and not {"foreach", "matrix"} & definition.keys():
            from dvc.dependency.param import MissingParamsError

            with contextlib.suppress(MissingParamsError):
                self.run(f"{self.path('dvc.yaml')}:{stage}")

    def metric(self) -> None:
        self.write("metrics.json", f'{{"acc": {self.draw.random()}}}\n')

    def report(self) -> None:
        self.write("report/b.txt", f"{self.draw.random()}\n")

    def lock_entry(self) -> None:
        lock = yaml.safe_load(self.path("dvc.lock").read_text("utf-8"))
        lock["stages"].pop(self.draw.choice(list(lock["stages"])))
        self.write("dvc.lock", yaml.safe_dump(lock, allow_unicode=True))

    def freeze(self) -> None:
        name = self.draw.choice(
            [name for name, body in self.stages.items() if "foreach" not in body]
        )
        self.stages[name]["frozen"] = True
        self.save()

    def crlf(self) -> None:
        for name in ("prepare.py", "src/lib.py"):
            content = self.path(name).read_bytes().replace(b"\r\n", b"\n")
            self.write(name, content.replace(b"\n", b"\r\n"))

    def table(self) -> None:
        self.write("table.csv", f"a,b\n{self.draw.random()}\n")

    def var(self) -> None:
        self.write("more.yaml", f"scale: {self.draw.choice([2, 3])}\n")

    def second(self) -> None:
        if self.path("second/dvc.yaml").exists():
            self.write("second/params.yaml", f"depth: {self.draw.choice([1, 2])}\n")
        else:
            self._second()

    def inner(self) -> None:
        self.write("inner/params.yaml", f"depth: {self.draw.choice([3, 4])}\n")


def compare(project: Project) -> tuple[list[str], int, int]:
    """Differences, stages that are undecided, all stages. The work tree is what Git would write for the commit."""
    project.repo.commit()
    project.repo.git("rm", "-r", "-q", "--cached", ".")
    project.repo.git("reset", "-q", "--hard")
    truth = of_dvc(project.repo.path)
    stale = {name for name, changed in truth.changed.items() if changed}
    named = of_dvc_status(project)
    assert {name for _, name in stale} == named, f"{stale} {named}"
    ours = of_mlops_ci(project.repo.path, disk=False)
    undecided = sum(1 for one in ours if (one.doubts or one.absent) and not one.reasons)
    assert truth.changed
    return differences(truth, ours), undecided, len(ours)


def check_clone(project: Project, place: Path) -> tuple[list[str], int, int]:
    """In a clone that has no data: what is stale there beyond what is stale here; undecided stages; all stages."""
    autocrlf = project.repo.git("config", "--default", "false", "core.autocrlf").strip()
    options = (
        "-c",
        f"core.autocrlf={autocrlf}",
        "-c",
        "filter.lfs.smudge=cat",
        "-c",
        "filter.lfs.process=",
    )
    project.repo.git(*options, "clone", "-q", "-c", f"core.autocrlf={autocrlf}", ".", str(place))
    here = {
        (one.key, reason)
        for one in of_mlops_ci(project.repo.path, disk=False)
        for reason in one.reasons
    }
    clone = of_mlops_ci(place)
    more = [
        f"{one.key}: {reason}"
        for one in clone
        for reason in one.reasons
        if (one.key, reason) not in here
    ]
    undecided = sum(1 for one in clone if (one.doubts or one.absent) and not one.reasons)
    return more, undecided, len(clone)


def of_dvc_status(project: Project) -> set[str]:
    """Stages that `dvc status` names, but for those that it names every time; data outside Git is all there."""
    from dvc.repo import Repo

    with contextlib.chdir(project.root), Repo(str(project.root)) as repo:
        found = repo.status()
    return {
        name.rpartition(":")[2]
        for name, entries in found.items()
        if set(map(str, entries)) - {"always changed"}
    }


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_generated_projects_equal_dvc(
    repo: Any, scale: Callable[[int, int], int], record_property: Callable[[str, str], None]
) -> None:
    """Undecided at most 15 % of the stages, also in a clone without data; DVC needs the data to say anything there."""
    with_data, without = [0, 0], [0, 0]
    for seed in range(scale(3, 60)):
        one = type(repo)(repo.path / str(seed))
        one.path.mkdir()
        one.git("init", "-q")
        project = Project(one, seed)
        project.build()
        done = ["run"]
        for _ in range(4):
            wrong, *counts = compare(project)
            assert wrong == [], f"seed {seed} after {done}"
            more, *counts_of_clone = check_clone(project, repo.path / f"{seed} {len(done)}")
            assert more == [], f"a clone of seed {seed} after {done}"
            for total, new in ((with_data, counts), (without, counts_of_clone)):
                total[:] = map(sum, zip(total, new, strict=True))
            done.append(project.change())
    record_property("undecided", f"{with_data} with data, {without} in clones")
    for undecided, stages in (with_data, without):
        assert 0 <= undecided <= 0.15 * stages, f"{undecided} of {stages}"
        assert stages
