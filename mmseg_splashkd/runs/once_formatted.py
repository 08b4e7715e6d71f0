"""A config of which each value is formatted once."""

from typing import Any, ClassVar

from mmengine.config import Config

MOST = 1000  # values whose text is kept


class OnceFormattedConfig(Config):
    """``Config`` that remembers the text of each of its values.

    mmengine asks for the text at the start of a run, for the log and for every
    checkpoint. Each time, formatting takes some 0.3 s. Formatting treats every
    assignment on its own, so that the texts of values can be joined.
    """

    _texts: ClassVar[dict[str, str]] = {}  # content of an assignment -> its text

    @classmethod
    def of(cls, cfg: Config) -> "OnceFormattedConfig":
        """A config of this class that shares the content of another.

        Args:
            cfg: Any config.
        """
        other = cls.__new__(cls)
        other.__dict__.update(cfg.__dict__)
        return other

    @property
    def pretty_text(self) -> str:
        """The config as Python code, as ``Config`` formats it."""
        values = self.to_dict()
        are_names = all(str(name).isidentifier() for name in values)
        if not (are_names and self._format_python_code):
            return super().pretty_text
        return "".join(_text_of(name, values[name]) for name in sorted(values, key=str))


def _text_of(name: str, value: Any) -> str:
    """An assignment as Python code."""
    texts = OnceFormattedConfig._texts
    content = f"{name}={value!r}"
    if content not in texts:
        if len(texts) >= MOST:
            texts.clear()
        texts[content] = Config({name: value}).pretty_text
    return texts[content]
