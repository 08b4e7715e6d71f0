"""Pairs of pictures and masks, found in a folder by the names of its files alone."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mmseg_splashkd.datasets.listing import list_pictures

OF_IMAGES = """image images img imgs jpegimages picture pictures photo photos frame
    frames rgb input inputs original originals"""
OF_MASKS = """mask masks label labels labelled ann anns annot annotation annotations gt
    gts groundtruth truth seg segs segmap segmaps segmentation segmentations labelids
    labeltrainids target targets"""
IMAGE_WORDS, MASK_WORDS = frozenset(OF_IMAGES.split()), frozenset(OF_MASKS.split())
FILLERS = frozenset(["dir", "folder", "ground", "class"])  # beside these words
NONE = "holds no pictures (PNG, JPEG, TIFF, ...)"
LOSSY = (".jpg", ".jpeg", ".webp")  # a mask is never stored so


@dataclass(frozen=True)
class Pair:
    """A picture and its mask.

    Args:
        image: The picture.
        mask: Its mask; None if it has none.
        recording: Folder of both, without the words for pictures or masks; the name of
            the root folder for pictures directly in it.
    """

    image: Path
    mask: Path | None
    recording: str


@dataclass(frozen=True)
class Pairs:
    """What a folder holds.

    Args:
        pairs: Every picture, with its mask if it has one, sorted by path.
        unpaired_masks: Masks without a picture, sorted by path.
        passed_over: Other files, counted by suffix; ``'hidden'`` for system files.
        layout: How masks were told from pictures, a sentence.
    """

    pairs: tuple[Pair, ...]
    unpaired_masks: tuple[Path, ...]
    passed_over: Counter[str]
    layout: str


class _File(NamedTuple):
    """A picture or mask: where it is, and the name that it shares with its partner."""

    path: Path
    folder: PurePosixPath  # recording, without the words for pictures or masks
    name: str


def find_pairs(
    root: str | Path,
    images: str | Path | None = None,
    masks: str | Path | None = None,
    mask_suffix: str | None = None,
    mask_prefix: str | None = None,
) -> Pairs:
    """Find the pictures of a folder and their masks, without reading them.

    A file is a mask, in this order: if it is in ``masks``; if its name has
    ``mask_suffix`` or ``mask_prefix``; if its innermost folder with a telling name has
    a word for masks (``masks``, ``ann_dir``, ``train_labels``); if a word for masks
    starts or ends its name (``7_mask.png``, ``mask_7.png``); or if it is stored without
    loss beside a JPEG of the same name. A picture and its mask have the same name and
    the same folder, apart from these words.

    Args:
        root: Folder of the data set.
        images: Folder of the pictures, relative to ``root`` or absolute, if names do
            not tell; needs ``masks``.
        masks: Folder of the masks, likewise; needs ``images``.
        mask_suffix: End of the stem of every mask, such as ``'_mask'``.
        mask_prefix: Start of the stem of every mask.

    Raises:
        FileNotFoundError: A folder is missing, or there are no pictures.
        ValueError: Two pictures, or two masks, have one name; or an argument lacks its
            counterpart.
    """
    root = Path(root)
    if (images is None) != (masks is None):
        given = f"images={images}" if masks is None else f"masks={masks}"
        raise ValueError(f"{given}: name both folders, of images and of masks")
    if images is not None and masks is not None:
        return _two_folders(root, root / images, root / masks, mask_suffix, mask_prefix)
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is not a folder")
    found, passed_over = list_pictures(root)
    if not found:
        raise FileNotFoundError(f"{root} {NONE}")
    if mask_suffix or mask_prefix:
        split = _by_affix(found, root, mask_suffix or "", mask_prefix or "")
    else:
        split = _by_folder(found, root) or _by_word(found, root)
        split = split or _by_loss(found, root)
    pictures, of_pictures, layout = split or (
        _plain(found, root),
        [],
        "pictures without masks",
    )
    return _match(root, pictures, of_pictures, layout, passed_over)


Split = tuple[list[_File], list[_File], str]


def _two_folders(
    root: Path, images: Path, masks: Path, suffix: str | None, prefix: str | None
) -> Pairs:
    for folder in (images, masks):
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not a folder")
    (pictures, others), (painted, more) = list_pictures(images), list_pictures(masks)
    if not pictures:
        raise FileNotFoundError(f"{images} {NONE}")
    files = [
        f._replace(name=_without(f.name, suffix or "", prefix or "") or f.name)
        for f in _plain(painted, masks)
    ]
    layout = f"pictures in {images}, masks of the same names in {masks}"
    return _match(root, _plain(pictures, images), files, layout, others + more)


def _plain(found: Iterable[Path], root: Path) -> list[_File]:
    return [_File(path, _folder(path, root), path.stem) for path in found]


def _folder(path: Path, root: Path) -> PurePosixPath:
    return PurePosixPath(path.relative_to(root).parent.as_posix())


# Masks by an affix that is given


def _by_affix(found: list[Path], root: Path, suffix: str, prefix: str) -> Split:
    pictures, masks = [], []
    for path in found:
        folder = _by_words(_folder(path, root))[1]
        name = _without(path.stem, suffix, prefix)
        if name is None:
            pictures.append(_File(path, folder, path.stem))
        else:
            masks.append(_File(path, folder, name))
    if not masks:
        raise FileNotFoundError(
            f"no file in {root} has a name {prefix}...{suffix}; the first is {found[0]}"
        )
    return pictures, masks, f"masks are named {prefix}<picture>{suffix}"


def _without(stem: str, suffix: str, prefix: str) -> str | None:
    """The stem without both affixes; None if it lacks one."""
    inner = stem.removeprefix(prefix).removesuffix(suffix)
    whole = stem.startswith(prefix) and stem.endswith(suffix)
    return inner if whole and inner else None


# Masks by the names of folders


def _words(name: str) -> list[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return [word for word in re.split(r"[^a-z0-9]+", apart.lower()) if word]


def _role(words: Iterable[str]) -> str | None:
    words = set(words)
    if words & MASK_WORDS:  # of 'mask_images' too
        return "mask"
    return "image" if words & IMAGE_WORDS else None


def _by_words(folder: PurePosixPath) -> tuple[str | None, PurePosixPath]:
    """Role of the innermost telling folder, and the path without words for a role."""
    innermost, parts = None, []
    known = MASK_WORDS | IMAGE_WORDS | FILLERS
    for part in folder.parts:
        words = _words(part)
        if (role := _role(words)) is None:
            parts.append(part)
            continue
        innermost = role
        parts += filter(None, ["_".join(word for word in words if word not in known)])
    return innermost, PurePosixPath(*parts)


def _by_folder(found: list[Path], root: Path) -> Split | None:
    pictures, masks = [], []
    names: dict[str, set[str]] = {"image": set(), "mask": set()}
    for path in found:
        folder = _folder(path, root)
        role, recording = _by_words(folder)
        role = role or "image"
        files = masks if role == "mask" else pictures
        files.append(_File(path, recording, path.stem))
        names[role].add(f"{folder.as_posix()}/")
    if not masks or not pictures:
        return None
    layout = f"pictures in {_some(names['image'])}, masks in {_some(names['mask'])}"
    for change in (list, _unworded, _one_folder, lambda fs: _one_folder(_unworded(fs))):
        changed = change(pictures), change(masks)
        if _any_match(*changed):
            return *changed, layout
    return pictures, masks, layout


def _any_match(pictures: Iterable[_File], masks: Iterable[_File]) -> bool:
    keys = {(f.folder, f.name) for f in pictures}
    return any((f.folder, f.name) in keys for f in masks)


def _one_folder(files: list[_File]) -> list[_File]:
    """The files without their folder, if it is the only one: 'raw/' beside 'mask/'."""
    if len({f.folder for f in files}) > 1:
        return files
    return [f._replace(folder=PurePosixPath()) for f in files]


def _some(names: set[str]) -> str:
    first, more = sorted(names)[:3], len(names) - 3
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")


# Masks by a word in the names of files


def _file_role(stem: str) -> tuple[str | None, str]:
    """Role by the first or last word of a stem, and the stem without that word."""
    for pattern in (r"(?P<name>.+?)[-_. ]+(?P<word>[A-Za-z]+)", _FIRST_WORD):
        match = re.fullmatch(pattern, stem)
        if match and (role := _role([match["word"].lower()])):
            return role, match["name"]
    return None, stem


_FIRST_WORD = r"(?P<word>[A-Za-z]+)[-_. ]*(?P<name>.+)"


def _unworded(files: list[_File]) -> list[_File]:
    """The files without the words for a role: 'masks/7_mask.png' is of '7.png'."""
    return [f._replace(name=_file_role(f.name)[1]) for f in files]


def _by_word(found: list[Path], root: Path) -> Split | None:
    pictures, masks = [], []
    for path in found:
        role, name = _file_role(path.stem)
        file = _File(path, _folder(path, root), name)
        (masks if role == "mask" else pictures).append(file)
    whole = [f._replace(name=f.path.stem) for f in pictures]
    if _any_match(whole, masks):  # 'img_7' and 'img_7_mask'
        pictures = whole
    elif not _any_match(pictures, masks):  # a word by chance
        return None
    example = masks[0].path.stem
    return pictures, masks, f"pictures and masks in one folder, masks like {example!r}"


# Masks by their suffix


def _by_loss(found: list[Path], root: Path) -> Split | None:
    files = _plain(found, root)
    lossy = {(f.folder, f.name) for f in files if f.path.suffix.lower() in LOSSY}
    pictures, masks = [], []
    for file in files:
        exact = file.path.suffix.lower() not in LOSSY
        of_picture = exact and (file.folder, file.name) in lossy
        (masks if of_picture else pictures).append(file)
    if not masks:
        return None
    suffixes = sorted({f.path.suffix for f in masks})
    layout = f"pictures and masks of the same names, masks are {', '.join(suffixes)}"
    return pictures, masks, layout


# Matching


def _match(
    root: Path,
    pictures: list[_File],
    masks: list[_File],
    layout: str,
    passed_over: Counter[str],
) -> Pairs:
    image_of, mask_of = _index(pictures, "pictures"), _index(masks, "masks")
    default = root.resolve().name
    pairs = [
        Pair(file.path, mask.path if mask else None, _recording(file, default))
        for key, file in image_of.items()
        for mask in [mask_of.get(key)]
    ]
    unpaired = sorted(f.path for key, f in mask_of.items() if key not in image_of)
    pairs.sort(key=lambda pair: pair.image)
    return Pairs(tuple(pairs), tuple(unpaired), passed_over, layout)


def _recording(file: _File, default: str) -> str:
    return default if file.folder == PurePosixPath() else file.folder.as_posix()


def _index(files: list[_File], what: str) -> dict[tuple[PurePosixPath, str], _File]:
    index: dict[tuple[PurePosixPath, str], _File] = {}
    for file in files:
        first = index.setdefault((file.folder, file.name), file)
        if first is not file:
            raise ValueError(
                f"{first.path} and {file.path} are two {what} of one name, "
                f"{file.name!r}: rename or remove one, or say which files are masks "
                f"(mask_suffix, mask_prefix, or images and masks)"
            )
    return index
