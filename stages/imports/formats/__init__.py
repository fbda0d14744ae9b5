"""Result files of evaluation libraries: one module for each format, in the order in which a file is offered to them.

A module has `recognises(file, content)`, whether a JSON file is of its format, and `read(file, content)`, what it says;
`read` raises NotALog, or KeyError, TypeError, ValueError or AttributeError on content of another form.
"""

from stages.imports.formats import every_eval_ever, helm, inspect, lighteval, lm_eval

READERS = {
    "inspect": inspect,
    "every-eval-ever": every_eval_ever,
    "lighteval": lighteval,
    "lm-eval": lm_eval,
    "helm": helm,
}
