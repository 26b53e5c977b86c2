"""Everything public says what it is: `help()` shows what the stubs promise."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import router
from router.engine import _native

STUB = ast.parse(Path(_native.__file__).with_name("_native.pyi").read_text())
ENGINE = next(node for node in STUB.body if isinstance(node, ast.ClassDef) and node.name == "Engine")
METHODS = {
    node.name: ast.get_docstring(node)
    for node in ENGINE.body
    if isinstance(node, ast.FunctionDef) and not any("setter" in ast.unparse(one) for one in node.decorator_list)
}


@pytest.mark.parametrize("name", [name for name in router.__all__ if inspect.isclass(getattr(router, name))])
def test_every_public_class_is_documented(name: str) -> None:
    assert (getattr(router, name).__doc__ or "").strip()


def test_the_engine_says_what_its_stub_says() -> None:
    assert inspect.getdoc(router.Engine) == ast.get_docstring(ENGINE)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "__init__"])
def test_every_method_says_what_its_stub_says(name: str) -> None:
    assert METHODS[name]
    assert inspect.getdoc(getattr(router.Engine, name)) == METHODS[name]


def test_nothing_public_is_missing_from_the_stub() -> None:
    assert {name for name in vars(router.Engine) if not name.startswith("_")} == set(METHODS) - {"__init__"}
