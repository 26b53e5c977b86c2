"""How much a command may hold: what other rooms need of src_native/limits.hpp before the engine checks it."""

from __future__ import annotations

from typing import Final

from router.engine._native import LIMITS

NAME_BYTES_MAX: Final = LIMITS["NAME_BYTES_MAX"]
"""Of names, ids and reasons, as UTF-8."""
SKILLS_MAX: Final = LIMITS["SKILLS_MAX"]
"""Of an agent."""
LEVEL_MAX: Final = LIMITS["LEVEL_MAX"]
"""Of a skill; also the most important that a preference can be."""
PREFERRED_AGENTS_MAX: Final = LIMITS["PREFERRED_AGENTS_MAX"]
"""Of a call."""
ATTRIBUTES_MAX: Final = LIMITS["ATTRIBUTES_MAX"]
"""Of a call."""
STEPS_MAX: Final = LIMITS["STEPS_MAX"]
"""Of a requirement."""
TERMS_MAX: Final = LIMITS["TERMS_MAX"]
"""Of a step; the alternatives in a term, too."""
PREFERENCES_MAX: Final = LIMITS["PREFERENCES_MAX"]
"""Of a step."""
