"""The steps of an adaptation: one method after the other, each in its own folder."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from mmseg_splashkd.adaptation.batch_statistics import write_with_target_statistics
from mmseg_splashkd.adaptation.config_file import PLAIN, write_method
from mmseg_splashkd.adaptation.methods import METHODS, rare_class_sampler
from mmseg_splashkd.adaptation.teaching import write_taught
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.models.teacher.gate import PoorTeacherError
from mmseg_splashkd.runs.train_once import WEIGHTS, train_once

BEST_WEIGHTS = "weights_*_best.safetensors"
ANY = "minent"  # of any config of pairs, from which data sets are read
WHOLE = "whole.py"  # the segmentor's own config, with its own schedule


def chain(name: str) -> Iterator[str]:
    """The methods that lead to one, the first one first."""
    first = METHODS[name].first
    if first is not None:
        yield from chain(first)
    yield name


@dataclass(frozen=True)
class Steps:
    """The steps in a folder, of which finished ones are not repeated.

    Args:
        folder: Folder with the segmentor's own config: ``plain.py`` with the schedule
            of an adaptation, ``whole.py`` with its own.
        table: Split table of the target's frames.
        stops: Whether a step ends with its best weights, not with the last ones.
    """

    folder: Path
    table: Path
    stops: bool = False

    def take(self, name: str, weights: Path) -> Path:
        """Weights of one method, which goes on from those given."""
        method = METHODS[name]
        if method.has_no_training:
            out = self.folder / f"weights_{name}.safetensors"
            if not out.is_file():  # again they would differ in the last bits
                write_with_target_statistics(self.pairs(weights), weights, out)
            return out
        file = self.folder / f"{name}.py"
        if method.taught is None:
            own = read_config(str(self.folder / PLAIN))
            sampler = rare_class_sampler(own) if method.rare else None
            write_method(file, weights, self.table, method.config or {}, sampler)
        else:
            whole = self.folder / WHOLE
            network = read_config(str(whole)).model
            write_taught(file, whole, network, weights, method.taught, self.table)
        return self.train(file)

    def pairs(self, weights: Path) -> Config:
        """Config of pairs of frames of source and target."""
        file, method = self.folder / "pairs.py", METHODS[ANY].config or {}
        return read_config(str(write_method(file, weights, self.table, method)))

    def train(self, file: Path) -> Path:
        """Train a config of this folder once; its last or its best weights.

        Raises:
            PoorTeacherError: It distils, and its teacher teaches nothing.
        """
        folder = self.folder / file.stem
        try:
            train_once(str(file), folder, f"{file.stem}_{self.folder.name}", {})
        except PoorTeacherError as error:
            if error.rule != "floor":
                raise
            places = f"{shlex.quote(str(file))} --work-dir {shlex.quote(str(folder))}"
            raise PoorTeacherError(
                error.rule,
                f"{error}. Adapting may have spoilt it: try another method. Or train "
                f"in spite of it, and then give the same command again: python "
                f"tools/train.py {places} --cfg-options "
                f"model.teacher_gate.allow=floor",
            ) from None
        (trained,) = folder.glob(BEST_WEIGHTS if self.stops else WEIGHTS)
        return trained
