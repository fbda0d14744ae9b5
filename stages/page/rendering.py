"""The page from its template: the words and numbers as they are printed, and the script that draws its charts."""

import base64
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import vl_convert
from markupsafe import Markup

from stages.page.charts import CONFIG, Spec
from stages.page.format import difference, interval, number, percent, signed
from stages.page.tasks import Specs

SHOWN_DIGITS = 6  # of a number in a chart
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
    environment.filters |= {"inert": inert, "log2": math.log2, "packed": packed}
    environment.globals |= {"config": CONFIG, "interval": interval}
    return environment


def packed(specs: Specs) -> dict[str, str]:
    """Each chart's specification compressed, as base 64: a page has hundreds, and the browser unpacks what it draws.
    What all of them have, CONFIG, is given once beside them.
    """
    return {name: _deflated(_slim(spec)) for name, spec in specs.items()}


def _deflated(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def _slim(spec: Spec) -> str:
    """A specification without CONFIG, its numbers to SHOWN_DIGITS, its data sets named by their place."""
    own = {name: part for name, part in spec.items() if name != "config" or part != CONFIG}
    text = _json(_rounded(own))
    for place, name in enumerate(spec.get("datasets", {})):
        text = text.replace(f'"{name}"', f'"d{place}"')
    return text


def _rounded(part: Any) -> Any:
    if isinstance(part, float):
        return float(f"{part:.{SHOWN_DIGITS}g}")
    if isinstance(part, Mapping):
        return {name: _rounded(each) for name, each in part.items()}
    return [_rounded(each) for each in part] if isinstance(part, list) else part


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def inert(value: Any) -> Markup:
    """A value as JSON that ends no script element and starts no tag, as short as it can be."""
    text = _json(value)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def own_scripts(names: Sequence[str] = SCRIPTS) -> str:
    """The page's own scripts as one."""
    folder = files("stages.page") / "scripts"
    return "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in names)


@cache
def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that defines vegaEmbed, compressed as the charts are; the converter
    takes a second to make it.
    """
    return _deflated(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
