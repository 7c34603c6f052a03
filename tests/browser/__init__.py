"""The pages in a real browser. All tests of the ring share one event loop, since the browser is bound to one."""

import pytest

RING = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
