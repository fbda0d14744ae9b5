"""Result files of evaluation libraries: one module for each format, in the order in which a file is offered to them.

A module has `recognises(file, content)`, whether a JSON file is of its format, and `read(file, content)`, what it says;
`read` raises NotALog, or KeyError, TypeError, ValueError or AttributeError on content of another form. Of a format that
has scores of single items, `ITEMS` adds them to what was read.
"""

from stages.imports.formats import (
    every_eval_ever,
    helm,
    inspect,
    inspect_samples,
    lighteval,
    lm_eval,
    lm_eval_samples,
)

READERS = {
    "inspect": inspect,
    "every-eval-ever": every_eval_ever,
    "lighteval": lighteval,
    "lm-eval": lm_eval,
    "helm": helm,
}
ITEMS = {"inspect": inspect_samples.beside, "lm-eval": lm_eval_samples.beside}
