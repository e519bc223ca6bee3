"""The page as HTML: one file that loads nothing, with a policy that forbids everything but its own style and script."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.harness.report.page.contents import Contents
from benchmarks.harness.report.page.sections import Picture
from benchmarks.harness.report.page.svg import safe

TEMPLATE = "page.html.jinja"
FILES = "files"


def render(contents: Contents) -> str:
    """The whole document."""
    style, script = _file("page.css"), _file("page.js")
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src '{digest(style)}'",
            f"script-src '{digest(script)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    template = _environment().get_template(TEMPLATE)
    return template.render(page=contents, policy=Markup(policy), style=Markup(style), script=Markup(script))


def digest(text: str) -> str:
    """The hash by which a Content-Security-Policy names an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _finalized(value: object) -> object:
    """Every text that the template prints, but that of our own files and charts, is made safe."""
    if isinstance(value, Markup):
        return value
    return safe(str(value))


def breakable(text: str) -> Markup:
    """A long name that may be broken after each underscore."""
    return Markup(str(safe(text)).replace("_", "_<wbr>"))


def data_uri(picture: Picture) -> str:
    """The content of a picture as the address of an image."""
    return f"data:image/{picture.kind};base64,{base64.b64encode(picture.content).decode()}"


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
        loader=FunctionLoader(_file),
    )
    environment.filters |= {"breakable": breakable, "data_uri": data_uri}
    return environment


@cache
def _file(name: str) -> str:
    return resources.files(__package__).joinpath(FILES).joinpath(name).read_text(encoding="utf-8")
