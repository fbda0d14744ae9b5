"""Stage `prepare`: the data, and every condition's examples, made once and stored under the digest of their content."""

from stages import artifacts, tables
from stages.making.data import prepared
from stages.store.lock import locked
from stages.store.store import Store


def main() -> None:
    """Write data.json: the digests and sizes of all splits and examples."""
    store = Store.from_environment()
    with locked(store, "prepare", wait=True):  # until data.json says what is needed, `gc` may remove it
        planned = artifacts.planned_data()
        tables.write_json({task: prepared(about, store) for task, about in planned.items()}, artifacts.DATA)
