"""The page from its template: the words and numbers as they are printed, and the script that draws its charts."""

from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import vl_convert

from stages.page.format import difference, interval, number, percent, signed


def rendered(template: str, **values: Any) -> str:
    """The page of a template below this folder."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(files("stages.page"))),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"difference": difference, "number": number, "percent": percent, "signed": signed}
    environment.globals |= {"interval": interval}
    return environment.get_template(template).render(bundle=_bundle(), **values)


@cache
def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that defines vegaEmbed; the converter takes a second to make it."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
