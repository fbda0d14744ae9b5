"""Stage `prepare`: the data, and every condition's examples, made once and stored under the digest of their content."""

from stages import artifacts, tables
from stages.making.data import prepared
from stages.store.lock import locked
from stages.store.store import Store
from stages.store.unedited import unedited
from stages.study.watched import WATCHED


def main() -> None:
    """Write data.json: the digests and sizes of all splits and examples."""
    store = Store.from_environment()
    with locked(store, "prepare", wait=True):  # until data.json says what is needed, `gc` may remove it
        with unedited(WATCHED):
            said = {task: prepared(about, store) for task, about in artifacts.planned_data().items()}
        tables.write_json(said, artifacts.DATA)
