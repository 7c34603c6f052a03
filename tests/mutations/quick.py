"""pytest plugin of the mutation runs: a failure is reported as it was found, without looking for a smaller one."""

from __future__ import annotations

from hypothesis import Phase, settings

settings.register_profile("mutations", phases=(Phase.explicit, Phase.generate), derandomize=True, database=None)
settings.load_profile("mutations")
