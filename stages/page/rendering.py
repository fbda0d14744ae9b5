"""The page from its template: the words and numbers as they are printed, and the script that draws its charts."""

import base64
import json
import math
import zlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import vl_convert

from stages.page.format import difference, interval, number, percent, signed
from stages.page.tasks import Specs

# In the order in which they use each other.
SCRIPTS = ("state", "charts", "audit", "choices", "compare", "tables", "tips")


def rendered(template: str, **values: Any) -> str:
    """The page of a template below this folder."""
    return _environment().get_template(template).render(bundle=_bundle(), scripts=own_scripts(), **values)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(files("stages.page"))),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"difference": difference, "number": number, "percent": percent, "signed": signed}
    environment.filters |= {"log2": math.log2, "packed": packed}
    environment.globals |= {"interval": interval}
    return environment


def packed(specs: Specs) -> dict[str, str]:
    """Each chart's specification compressed, as base 64: a page has hundreds, and the browser unpacks what it draws."""
    return {
        name: base64.b64encode(zlib.compress(json.dumps(spec, separators=(",", ":")).encode(), 9)).decode()
        for name, spec in specs.items()
    }


def own_scripts(names: Sequence[str] = SCRIPTS) -> str:
    """The page's own scripts as one."""
    folder = files("stages.page") / "scripts"
    return "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in names)


@cache
def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that defines vegaEmbed; the converter takes a second to make it."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
