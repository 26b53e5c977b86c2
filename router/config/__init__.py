"""Config: one TOML file -> validated settings. Whatever is wrong is found before anything changes.

`load_config` and `parse_config` return a whole `RouterConfig` or raise `ConfigError` with every problem.
"""

from router.config.errors import ConfigError, ConfigProblem
from router.config.load import default_config_text, load_config, parse_config, read_config
from router.config.model import EstimateLimits, EstimateSettings, RouterConfig, ServerSettings
from router.config.presets import DEFAULT_PRESET, PRESETS, Preset, preset_of, with_preset

__all__ = [
    "DEFAULT_PRESET",
    "PRESETS",
    "ConfigError",
    "ConfigProblem",
    "EstimateLimits",
    "EstimateSettings",
    "Preset",
    "RouterConfig",
    "ServerSettings",
    "default_config_text",
    "load_config",
    "parse_config",
    "preset_of",
    "read_config",
    "with_preset",
]
