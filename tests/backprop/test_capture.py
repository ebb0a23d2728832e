"""Nested functions can read all names around them while a program is traced."""

from __future__ import annotations

import ast
from typing import Any

from gradaudit.backprop.capture import captures, capturing, looks_at_names

SOURCE = """
def outer(a):
    unread = a + 1
    read = 2

    def inner(g):
        return g * read

    short = lambda z: z
    return inner, short, [unread for _ in range(2)]
"""


def made(source: str, fixed: str) -> dict[str, Any]:
    tree = ast.parse(source).body[0]
    before = ast.dump(tree)
    space: dict[str, Any] = {}
    found = captures(tree, lambda function: getattr(function, "name", "") in fixed.split())
    with capturing(found):
        exec(compile(ast.Module([tree], []), "<test>", "exec"), space)
    assert ast.dump(tree) == before
    return space


def test_nested_functions_hold_what_they_do_not_read() -> None:
    inner, short, _ = made(SOURCE, "outer")["outer"](1)
    assert "unread" in inner.__code__.co_freevars
    assert "unread" in short.__code__.co_freevars
    assert inner(3) == 6
    assert short(5) == 5


def test_function_that_exists_holds_no_more_than_before() -> None:
    inner, short, _ = made(SOURCE, "outer inner")["outer"](1)
    assert inner.__code__.co_freevars == ("read",)
    assert "unread" in short.__code__.co_freevars


def test_names_reach_through_a_fixed_function_only_if_it_holds_them() -> None:
    source = "def a(p, q):\n def b():\n  def c():\n   return p\n  return c\n return b"
    c = made(source, "a b")["a"](1, 2)()
    assert set(c.__code__.co_freevars) == {"p", "c"}


def test_program_that_looks_at_its_names_is_known() -> None:
    assert looks_at_names(ast.parse("def f():\n return locals()"))
    assert not looks_at_names(ast.parse("def f(x):\n return x"))
