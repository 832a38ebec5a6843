"""The config that judges, loaded when it decides something: to load it takes longer than most checks do."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_ci.checks_config import CheckConfig, ChecksConfig
    from mlops_ci.config import Config

FILE = "mlops-ci.yaml"


class LazyConfig:
    """`read`: gives files as `config.load` wants them, None where nothing is configured. Raises UnreadableError when
    the file is there and cannot be read.

    `adjust`: changes the settings once more, for what the command line says.
    """

    def __init__(
        self,
        read: Callable[[str], bytes | None] | None = None,
        adjust: Callable[[ChecksConfig], ChecksConfig] | None = None,
    ) -> None:
        self._read = read
        self._adjust = adjust
        self._content = read(FILE) if read else None

    def mentions(self, *words: str) -> bool:
        """Whether the file has all these words. Wrong in one direction only: it may say yes for no."""
        if self._adjust:
            return True
        text = self._content or b""
        escaped = b"\\" in text  # YAML can write any character as an escape
        return escaped or all(word.encode() in text for word in words)

    @cached_property
    def loaded(self) -> Config | None:
        """None where nothing is configured. Raises ConfigError with all errors of the file."""
        if self._content is None and self._adjust is None:
            return None
        from dataclasses import replace

        from mlops_ci import config

        found = config.load(self._read) if self._read else None
        found = found or config.Config()
        return replace(found, checks=self._adjust(found.checks)) if self._adjust else found

    def of(self, check: str) -> CheckConfig | None:
        """What a check is told; None for the defaults, whose classes take long to load."""
        return self.loaded.checks.of(check) if self.loaded else None

    def is_off(self, check: str) -> bool:
        settings = self.of(check) if self.mentions(check, "off") else None
        return settings is not None and settings.level == "off"
