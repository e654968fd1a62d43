"""Read docker-compose.yml as far as running its processes without Docker needs it. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

COMPOSE_FILE = Path(__file__).resolve().parents[2] / "docker-compose.yml"
MIGRATE = "migrate"

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<kind>:[-?])(?P<rest>[^}]*))?\}")
_CONTAINER_PORT = "8000"


class ComposeError(ValueError):
    """The compose file asks for something that is missing or that this program cannot do."""


@dataclass(frozen=True)
class Process:
    """One of our own processes as compose would start it, with addresses of this machine."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    after: frozenset[str]


def load(path: Path = COMPOSE_FILE) -> dict[str, Any]:
    """The compose file with its anchors resolved and its variables still in it."""
    compose = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(compose, dict):
        raise ComposeError(f"{path.name} is not a mapping")
    return compose


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Compose's own rule for ``${NAME}``, ``${NAME:-default}`` and ``${NAME:?message}``."""

    def value(found: re.Match[str]) -> str:
        known = variables.get(found["name"], "")
        if known or found["kind"] is None:
            return known
        if found["kind"] == ":-":
            return str(found["rest"])
        raise ComposeError(f"{found['name']}: {found['rest']}")

    return _VARIABLE.sub(value, text)


def required_variables(compose: Mapping[str, Any]) -> set[str]:
    """The variables without which compose refuses to start."""
    return {
        found["name"]
        for text in _texts(compose)
        for found in _VARIABLE.finditer(text)
        if found["kind"] == ":?"
    }


def own_services(compose: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The services whose images are built here, in the file's order."""
    return {name: one for name, one in compose["services"].items() if "build" in one}


def plan(
    compose: Mapping[str, Any],
    variables: Mapping[str, str],
    addresses: Mapping[str, str],
    ports: Mapping[str, int],
) -> list[Process]:
    """What to run for each service of our own.

    `addresses` maps ``host:port`` inside compose to one of this machine; `ports` gives each service
    its port here, where they cannot all have 8000. Nothing else differs from what compose runs.
    """
    processes = []
    for name, service in own_services(compose).items():
        environment = {
            key: _moved(interpolate(value, variables), addresses)
            for key, value in service["environment"].items()
        }
        command = tuple(_local(part, ports.get(name)) for part in service["command"])
        processes.append(Process(name, command, environment, frozenset(service["depends_on"])))
    return processes


def _moved(value: str, addresses: Mapping[str, str]) -> str:
    for inside, here in addresses.items():
        value = re.sub(rf"(?<![\w.-]){re.escape(inside)}(?!\d)", here, value)
    return value


def _local(part: str, port: int | None) -> str:
    if part == "0.0.0.0":  # noqa: S104 - what the container listens on
        return "127.0.0.1"
    return str(port) if part == _CONTAINER_PORT and port is not None else part


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
