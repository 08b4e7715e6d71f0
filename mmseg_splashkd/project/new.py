"""A new project: split table, label coding, plan and configs for a folder of data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.label_coding import IGNORE, load_label_coding
from mmseg_splashkd.datasets.listing import describe_passed_over
from mmseg_splashkd.datasets.pairs import Pair, Pairs, find_pairs
from mmseg_splashkd.datasets.split_table import write_table
from mmseg_splashkd.datasets.splits.embargo import Embargo, keep_apart
from mmseg_splashkd.datasets.splits.plan import SplitPlan
from mmseg_splashkd.datasets.splits.shares import with_splash_shares
from mmseg_splashkd.datasets.timestamps import NONE, SECOND, TimestampFormat
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.project.choices import (
    Machine,
    choose_batch,
    choose_iterations,
    choose_size,
    choose_teacher,
)
from mmseg_splashkd.project.coding import (
    IGNORED,
    coding_of,
    default_values,
    parse_values,
    question,
)
from mmseg_splashkd.project.files import TEACHERS, commands, write_configs
from mmseg_splashkd.project.fingerprint import (
    Fingerprint,
    fingerprint,
    looks_like_video,
    numbered,
)
from mmseg_splashkd.project.folders import labelled_parts, split_by_folder
from mmseg_splashkd.project.names import find_format
from mmseg_splashkd.project.plan import NAME, Plan

SPLITS = ("time", "per-recording", "random", "grouped")
FEW = 50  # frames, of which 10 % for a test part are too few
HELD_OUT = (8, 2, 0)  # of a training part, for a part that data come without
EMBARGO_INTERVALS = 3  # more than the 2.5 within which the data check calls frames near
LEARNING_RATES = {False: 1e-3, True: 6e-5}  # from scratch, from pretrained weights


class MissingFactsError(ValueError):
    """What the files do not tell, one sentence each with the option to add."""

    def __init__(self, facts: Sequence[str]) -> None:
        self.facts = list(facts)
        super().__init__("\n".join(f"- {fact}" for fact in self.facts))


@dataclass(frozen=True)
class Wishes:
    """What a user says about data and training; None: found out or chosen.

    Args:
        classes: Names of the classes in ascending order of their label values.
        label_values: ``VALUE=CLASS`` or ``FIRST-LAST=CLASS`` each.
        timestamp: Name of a time stamp format.
        timestamp_options: Further arguments of ``TimestampFormat``.
        size: (width, height) of the network's input in pixels.
        iterations: Number of training steps.
        batch_size: Frames per step.
        split: One of ``SPLITS``.
        ratios: Ratio of train, val and test.
        embargo: Minimum distance between parts, ``5`` or ``30s``.
        group: Regular expression of groups, see ``groups_of``.
        seed: Seed of the split.
        teacher: One of ``TEACHERS``.
        pretrained: Start from downloaded weights.
    """

    classes: Sequence[str] = ()
    label_values: Sequence[str] = ()
    timestamp: str | None = None
    timestamp_options: Mapping[str, Any] | None = None
    size: Sequence[int] | None = None
    iterations: int | None = None
    batch_size: int | None = None
    split: str | None = None
    ratios: Sequence[float] | None = None
    embargo: str | None = None
    group: str | None = None
    seed: int = 0
    teacher: str | None = None
    pretrained: bool = False


@dataclass(frozen=True)
class Found:
    """What a folder holds, before anything is chosen.

    Args:
        pairs: Pictures and masks.
        fingerprint: Their sizes and values.
        timestamp: Time stamp format that reads all names; None if there is none.
        video: Whether the names are bare numbers and neighbours are alike.
    """

    pairs: Pairs
    fingerprint: Fingerprint
    timestamp: str | None
    video: bool

    @property
    def lines(self) -> list[str]:
        """What was found, one fact a line."""
        prints = self.fingerprint
        sizes = [f"{n} of {w}x{h}" for (w, h), n in prints.sizes.items()]
        more = f" and {len(sizes) - 3} more sizes" if len(sizes) > 3 else ""
        total = max(sum(prints.pixels.values()), 1)
        few = list(prints.pixels.items())[:8]
        values = [f"{value} ({n / total:.2%})" for value, n in few]
        rest = len(prints.pixels) - len(values)
        values += [f"and {rest} more"] if rest else []
        suffixes = ", ".join(f"{n} {name}" for name, n in prints.suffixes.items())
        names = ", ".join(f"{name} ({n})" for name, n in prints.recordings.items())
        time = (
            f"in the names ({self.timestamp})"
            if self.timestamp
            else "none in the names"
        )
        lines = [
            f"pictures     {prints.frames} ({suffixes}), {prints.labelled} with a mask",
            f"layout       {self.pairs.layout}",
            f"recordings   {names}"[:200],
            f"sizes        {', '.join(sizes[:3])}{more}",
            f"label values {', '.join(values)}",
            f"time         {time}",
        ]
        if self.pairs.passed_over:
            lines.append(f"passed over  {describe_passed_over(self.pairs.passed_over)}")
        if unpaired := self.pairs.unpaired_masks:
            lines.append(
                f"passed over  {len(unpaired)} masks without a picture, such as "
                f"{unpaired[0]}"
            )
        return lines


def look_at(data: str | Path, progress: bool = True) -> Found:
    """Find the pictures and masks of a folder and read what they hold.

    Raises:
        FileNotFoundError: The folder is missing or holds no pictures.
        ValueError: No picture has a mask, or files cannot be used.
    """
    pairs = find_pairs(Path(data))
    prints = fingerprint(pairs.pairs, progress)
    if prints.faults:
        raise ValueError(
            f"{len(prints.faults)} of {prints.frames} pictures cannot be used: correct "
            f"or move them, or convert the data (tools/convert_dataset.py). The first: "
            + "; ".join(prints.faults[:3])
        )
    if not prints.labelled:
        first = pairs.pairs[0].image
        raise ValueError(
            f"none of the {prints.frames} pictures of {data} has a mask of its name, "
            f"the first is {first}: put masks into masks/ beside images/, or name "
            f"them <picture>_mask.png"
        )
    timestamp = find_format(pairs.pairs)
    video = (
        timestamp is None and numbered(pairs.pairs) and looks_like_video(pairs.pairs)
    )
    return Found(pairs, prints, timestamp, video)


def missing_facts(found: Found, wishes: Wishes) -> list[str]:
    """Sentences about what neither files nor wishes tell; empty if all is known."""
    facts = []
    if not wishes.label_values:
        values = default_values(found.fingerprint.pixels, wishes.classes)
        if values is None:
            facts.append(question(found.fingerprint.pixels))
    if wishes.timestamp is None and found.video:
        facts.append(
            "the names are numbers and neighbours look alike, as in a video: give its "
            "frame rate, such as --timestamp frame --fps 25, or say that they are no "
            "video, --timestamp none"
        )
    return facts


def new_project(
    found: Found, wishes: Wishes, out: str | Path, machine: Machine
) -> Plan:
    """Write split table, label coding, plan and configs.

    Args:
        found: What the folder of the data holds.
        wishes: What the user says.
        out: Folder of the project, new or empty.
        machine: What training may use.

    Returns:
        The plan, also written to ``out``.

    Raises:
        FileExistsError: ``out`` is not empty.
        MissingFactsError: Something is neither found nor said.
        ValueError: A wish is invalid, or the frames cannot be split so.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(
            f"--out {out} is not empty: name a new folder, or remove that one"
        )
    if facts := missing_facts(found, wishes):
        raise MissingFactsError(facts)
    reasons: dict[str, str] = {}
    coding = _coding(found, wishes, reasons)
    frames = _split(found, wishes, coding, reasons)
    plan = _plan(found, wishes, coding, frames, machine, reasons)
    teacher, why = choose_teacher(machine)
    reasons["teacher"] = f"{wishes.teacher or teacher}: " + (
        "as given" if wishes.teacher else why
    )
    if wishes.teacher not in (None, *TEACHERS):
        raise ValueError(
            f"teacher {wishes.teacher!r} is not one of {', '.join(TEACHERS)}"
        )
    train = [frame for frame in frames if frame.split == "train"]
    bare = sum(not frame.label for frame in train)
    _check_labelled(frames)
    reasons["distillation"] = (
        f"cross-entropy, and KL of the teacher, on {len(train)} training frames, "
        f"{bare} of them without a label. On drawn frames "
        + (
            "it paid with 1 label in 16, and not with 1 in 4"
            if bare
            else "with a label on each it gave nothing"
        )
        + " (docs/when_it_pays.md): tools/advise.py asks for these"
    )
    out.mkdir(parents=True, exist_ok=True)
    write_table(out / plan.split_table, frames, sealed=True)
    text = "# Values of the masks -> classes.\n" + yaml.safe_dump(
        coding, sort_keys=False
    )
    write_whole(out / plan.label_coding, text)
    write_configs(out, wishes.teacher or teacher, wishes.pretrained, bare > 0)
    plan.write(out / NAME)
    write_whole(out / "README.md", _readme(found, plan, out))
    return plan


def _check_labelled(frames: Sequence[Frame]) -> None:
    for part in ("train", "val"):
        own = [frame for frame in frames if frame.split == part]
        if not any(frame.label for frame in own):
            raise ValueError(
                f"none of the {len(own)} frames of the {part} part has a mask: label "
                f"some of them, or give --split or --ratios that puts masks there"
            )


def _coding(found: Found, wishes: Wishes, reasons: dict[str, str]) -> dict[str, Any]:
    pixels = found.fingerprint.pixels
    if wishes.label_values:
        values, why = parse_values(wishes.label_values), "as given"
        if left := sorted(pixels.keys() - values.keys()):
            raise ValueError(
                f"--label-values leaves out the values {left} of the masks: give each "
                f"a class, or {left[0]}={IGNORED}"
            )
        coding = coding_of(values, wishes.classes)
    else:
        coding = coding_of(default_values(pixels, wishes.classes) or {}, ())
        why = "two values" if not wishes.classes else "names as given"
        why += " in ascending order; --classes and --label-values change them"
    reasons["classes"] = f"{', '.join(coding['classes'])}: {why}"
    return coding


def _split(
    found: Found, wishes: Wishes, coding: Mapping[str, Any], reasons: dict[str, str]
) -> list[Frame]:
    form = TimestampFormat(
        wishes.timestamp or found.timestamp or NONE, **(wishes.timestamp_options or {})
    )
    frames = in_time_order(_frame_of(pair, form) for pair in found.pairs.pairs)
    loaded = load_label_coding(dict(coding))
    focus = loaded.classes[-1]
    frames = with_splash_shares(frames, loaded, focus, progress=False)
    timed = all(frame.has_time for frame in frames)
    reasons["time"] = "as given" if wishes.timestamp else "read from the names"
    if not timed:
        reasons["time"] = "as given" if wishes.timestamp else "no format fits the names"
    wished = wishes.split or wishes.ratios or wishes.group
    if not wished and (given := split_by_folder(frames)):
        return _as_given(given, timed, wishes, reasons)
    strategy, why = _strategy(frames, timed, wishes)
    ratios = wishes.ratios or ((6, 2, 2) if len(frames) < FEW else (7, 2, 1))
    parts = ":".join(f"{ratio:g}" for ratio in ratios)
    plan = _split_plan(strategy, ratios, wishes)
    reasons["split"] = f"{strategy}, {parts}, embargo {wishes.embargo or 'none'}: {why}"
    split = plan.apply(frames)
    if strategy != "time" or wishes.embargo is not None:
        return split
    return _with_embargo(plan, split, reasons)


def _split_plan(strategy: str, ratios: Sequence[float], wishes: Wishes) -> SplitPlan:
    return SplitPlan(
        strategy,
        ratios,
        Embargo.parse(wishes.embargo) if wishes.embargo else None,
        seed=wishes.seed if strategy in ("random", "grouped") else None,
        group=wishes.group,
        unlabelled=True,
    )


def _as_given(
    split: list[Frame], timed: bool, wishes: Wishes, reasons: dict[str, str]
) -> list[Frame]:
    """The parts that folders name, and a missing one held out of the training part."""
    parts = labelled_parts(split)
    why = f"folders are named {', '.join(parts)}; --split makes other parts"
    for missing in {"val", "test"}.difference(parts):
        train = [frame for frame in split if frame.split == "train"]
        strategy, _ = _strategy(train, timed, wishes)
        held = _split_plan(strategy, HELD_OUT, wishes).apply(train)
        held = [replace(f, split=missing) if f.split == "val" else f for f in held]
        others = [frame for frame in split if frame.split != "train"]
        split = in_time_order([*held, *others])
        why += f"; {missing} is held out of train, {strategy}"
    if wishes.embargo:
        split = keep_apart(split, Embargo.parse(wishes.embargo))
    reasons["split"] = f"as in the folders, embargo {wishes.embargo or 'none'}: {why}"
    return split


def _frame_of(pair: Pair, form: TimestampFormat) -> Frame:
    stamp = form.parse(pair.image.stem, pair.image)
    recording = "/".join(filter(None, (pair.recording, stamp.recording)))
    label = pair.mask.as_posix() if pair.mask else ""
    return Frame(recording, stamp.timestamp, pair.image.as_posix(), label)


def _strategy(frames: Sequence[Frame], timed: bool, wishes: Wishes) -> tuple[str, str]:
    if wishes.split:
        return wishes.split, "as given"
    if wishes.group:
        return "grouped", "--group keeps groups whole"
    if timed:
        return "time", "frames of a video near in time are near-duplicates"
    sizes = [
        sum(frame.recording == name for frame in frames)
        for name in {frame.recording for frame in frames}
    ]
    if len(sizes) >= 5 and max(sizes) < len(frames) / 2:
        return "grouped", "frames have no time, and recordings stay whole"
    return (
        "random",
        "frames have no time; --group REGEX keeps pictures of one scene whole",
    )


def _with_embargo(
    plan: SplitPlan, split: list[Frame], reasons: dict[str, str]
) -> list[Frame]:
    """Leave out frames within three median intervals, if all parts keep some."""
    times: dict[str, list[int]] = {}
    for frame in split:  # in time order
        times.setdefault(frame.recording, []).append(frame.timestamp)
    steps = [b - a for own in times.values() for a, b in pairwise(own)]
    seconds = EMBARGO_INTERVALS * median(steps or [0]) / SECOND
    embargo = Embargo(seconds=seconds)
    apart = f"frames come every {seconds / EMBARGO_INTERVALS:.3g} s"
    try:
        kept = replace(plan, embargo=embargo).apply(split)
    except ValueError:
        reasons["split"] += f"; {apart}, too few for an embargo of {seconds:.3g} s"
        return split
    named = f"embargo {seconds:.3g} s"
    reasons["split"] = reasons["split"].replace("embargo none", named) + f"; {apart}"
    return kept


def _plan(
    found: Found,
    wishes: Wishes,
    coding: Mapping[str, Any],
    frames: Sequence[Frame],
    machine: Machine,
    reasons: dict[str, str],
) -> Plan:
    prints = found.fingerprint
    train = sum(frame.split == "train" and bool(frame.label) for frame in frames)
    size, reasons["size"] = choose_size(prints.median_size, machine)
    if wishes.size:
        size, reasons["size"] = (wishes.size[0], wishes.size[1]), "as given"
    width, height = prints.median_size
    reasons["size"] += (
        f"; frames of another shape than {width:.0f}:{height:.0f} are stretched"
        if len(prints.sizes) > 1
        else ""
    )
    batch, reasons["batch_size"] = choose_batch(size, max(train, 1), machine)
    if wishes.batch_size:
        batch, reasons["batch_size"] = wishes.batch_size, "as given"
    steps, reasons["max_iters"] = choose_iterations(max(train, 1), batch, machine)
    if wishes.iterations:
        steps, reasons["max_iters"] = wishes.iterations, "as given"
    start = "pretrained weights" if wishes.pretrained else "random weights"
    reasons["learning_rate"] = f"for {start}"
    reasons["num_workers"] = f"{machine}"
    table = coding["gray_to_train_id"]
    focus = [v for v, i in table.items() if i == len(coding["classes"]) - 1]
    ignored = [v for v, i in table.items() if i == IGNORE]
    known = asdict(prints) | {
        "sizes": {f"{w}x{h}": n for (w, h), n in prints.sizes.items()},
        "parts": {
            part: sum(frame.split == part for frame in frames)
            for part in ("train", "val", "test", "embargo")
        },
        "focus_share": round(prints.share(focus, ignored), 6),
        "machine": str(machine),
    }
    return Plan(
        size=list(size),
        max_iters=steps,
        batch_size=batch,
        learning_rate=LEARNING_RATES[wishes.pretrained],
        num_workers=min(4, machine.cores) if machine.gpu_memory else 0,
        classes=list(coding["classes"]),
        unlabelled="skip" if prints.labelled < prints.frames else "error",
        reasons=reasons,
        fingerprint=known,
    )


def _readme(found: Found, plan: Plan, out: Path) -> str:
    facts = "\n".join(f"    {line}" for line in found.lines)
    reasons = "\n".join(f"- **{name}**: {why}" for name, why in plan.reasons.items())
    values = (
        f"{plan.size[0]}x{plan.size[1]}, {plan.max_iters} steps of {plan.batch_size}"
    )
    run = "\n".join(f"    {line}" for line in commands(out).splitlines())
    return (
        f"# {out.resolve().name}\n\nTrains on frames at {values}. All three configs "
        f"read `plan.json`: edit it there.\n\n{run}\n\n## Data\n\n{facts}\n\n"
        f"## Why\n\n{reasons}\n"
    )
