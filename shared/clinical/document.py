"""The strict reader of documents, under the name the core's modules know it by."""

from shared.document import (
    Document,
    DocumentError,
    Finding,
    Path,
    build,
    read_yaml,
    write_yaml,
)

__all__ = ["Document", "DocumentError", "Finding", "Path", "build", "read_yaml", "write_yaml"]
