"""A place for what is needed once: a demo, a check, a measurement."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder that ends with the cluster in it. The server's user can enter it, or root's cluster
    would be placed elsewhere and stay there."""
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as found:
        Path(found).chmod(0o711)
        yield Path(found)
