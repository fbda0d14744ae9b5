"""A YAML document as DVC reads it, by YAML 1.2: what it holds, and every duplicate key with its line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode
from ruamel.yaml.resolver import VersionedResolver

DEEPEST = 50  # mappings and lists inside one another
MOST_VALUES = 100_000  # keys and values, each as often as aliases repeat it
LARGEST = 2**63 - 1  # of whole numbers: tables hold no larger ones


class NotYaml(Exception):
    """A file that is not YAML, or holds more than anyone writes by hand; the message is one line."""


@dataclass(frozen=True)
class Document:
    """What a file holds, and a line for each key that is duplicated in its mapping (the first one counts)."""

    content: Any
    duplicates: list[str]


def read(path: Path) -> Document:
    """The document in a file. Raises OSError, and NotYaml on what is no YAML."""
    return loads(path.read_bytes())


def loads(text: bytes) -> Document:
    """The document in a file's bytes. Raises NotYaml."""
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = DEEPEST
    yaml.Constructor = _Constructor
    yaml.Resolver = _Resolver
    try:
        content = yaml.load(text.decode())
    except MaxDepthExceededError as error:
        raise _refused(error.problem_mark, f"nested more than {DEEPEST} deep") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise NotYaml(f"not YAML: {' '.join(str(error.problem).split())}{place}") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise NotYaml(f"not YAML: {' '.join(str(error).split())}") from error
    return Document(content, yaml.constructor.duplicates)


class _Resolver(VersionedResolver):
    """Takes values by YAML 1.2 even where a document names another version, as the parser that DVC reads with does."""

    processing_version = (1, 2)


class _Constructor(SafeConstructor):
    """Makes the values of a document that is small enough, and keeps a line for each of its duplicate keys."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.duplicates: list[str] = []

    def construct_document(self, node: Node) -> Any:
        self._survey(node, {})
        return super().construct_document(node)

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except (ValueError, LookupError, TypeError) as error:
            what = f"{_short(node)} cannot be read as {str(node.tag).rpartition(':')[2]}"
            raise _refused(node.start_mark, what) from error
        if isinstance(value, int) and abs(value) > LARGEST:
            what = f"{_short(node)} is not a whole number of at most {LARGEST}"
            raise _refused(node.start_mark, what)
        return value

    def check_mapping_key(self, node: Node, key_node: Node, mapping: Any, key: Any, value: Any) -> bool:
        return key not in mapping

    def _survey(self, node: Node, sizes: dict[int, int]) -> int:
        """How many keys and values a node holds, itself included; `sizes` has those counted, 0 while they are being."""
        if id(node) in sizes:
            if not sizes[id(node)]:
                raise _refused(node.start_mark, "an alias inside what it repeats")
            return sizes[id(node)]
        sizes[id(node)], size = 0, 1
        if isinstance(node, MappingNode):
            self._keep_duplicates([key for key, _ in node.value])
        for child in _inside(node):
            size += self._survey(child, sizes)
            if size > MOST_VALUES:
                raise _refused(node.start_mark, f"holds more than {MOST_VALUES:,} values")
        sizes[id(node)] = size
        return size

    def _keep_duplicates(self, keys: list[Node]) -> None:
        seen = set()
        for key in keys:
            if isinstance(key, ScalarNode):
                if (key.tag, key.value) in seen:
                    self.duplicates.append(f"line {key.start_mark.line + 1}: duplicate key {key.value!r}")
                seen.add((key.tag, key.value))


def _inside(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, CollectionNode) else []


def _refused(mark: StreamMark, what: str) -> NotYaml:
    return NotYaml(f"line {mark.line + 1}: {what}")


def _short(node: Node) -> str:
    text = str(node.value)
    return repr(text if len(text) <= 60 else f"{text[:40]}...{text[-10:]}")
