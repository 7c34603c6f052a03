"""`python -m tests.reasons`: write the table of reason codes with the tests that provoke them.

A test says so by the marker `reason`, whose arguments are codes (of an agent's leg with `agent:` before them).
"""

from __future__ import annotations

import ast
from pathlib import Path

from telephony.model import reason_table

ROOT = Path(__file__).parent.parent
FILE = Path(reason_table.__file__).with_name("REASONS.md")


def provoked() -> dict[str, str]:
    """By code, file and name of the first test on a real Asterisk that is marked with it."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "tests" / "asterisk").glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for code in _marked(node):
                    found.setdefault(code, f"`{path.stem}.{node.name}`")
    return found


def _marked(test: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [
        argument.value
        for decorator in test.decorator_list
        for call in ast.walk(decorator)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "reason"
        for argument in call.args
        if isinstance(argument, ast.Constant)
    ]


if __name__ == "__main__":
    FILE.write_text(reason_table.document(provoked()), encoding="utf-8")
