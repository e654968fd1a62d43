"""docker-compose.yml, checked against the program it starts, since not every machine has Docker."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx2
import pytest
from fastapi import FastAPI, Request

from deploy.compose.plan import (
    COMPOSE_FILE,
    MIGRATE,
    ComposeError,
    interpolate,
    load,
    own_services,
    plan,
    required_variables,
)
from deploy.gateway.proxy import CADDYFILE, read_routes
from deploy.image import services as service_folders
from services.console.settings import ConsoleSettings
from services.notifier.channels.email import mail_server
from services.notifier.settings import NotifierSettings
from shared.runtime.settings import Settings

ROOT = COMPOSE_FILE.parent
COMPOSE = load()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = own_services(COMPOSE)
_READ_BY_UVICORN = "FORWARDED_ALLOW_IPS"
LASTING = [name for name in SERVICES if name != MIGRATE]
SECRETS = {name: f"secret-of-{name.lower()}" for name in required_variables(COMPOSE)} | {
    "SMTP_URL": "smtp://mail.example.org:587",
    "VIGIL_MAIL_FROM": "vigil@example.org",
    "VIGIL_PUBLIC_URL": "https://vigil.example.org",
}


def test_every_service_is_there_and_nothing_else_of_ours() -> None:
    assert set(OWN) == {*service_folders(), MIGRATE}
    assert set(SERVICES) - set(OWN) == {"gateway", "kafka", "postgres", "mailpit"}


@pytest.mark.parametrize("name", OWN)
def test_an_image_is_built_for_one_service_and_runs_it(name: str) -> None:
    service = OWN[name]
    assert service["build"]["args"] == {"SERVICE": name}
    assert service["image"].startswith(f"vigil/{name}:")
    run = ["vigil", "run", name, "--host", "0.0.0.0", "--port", "8000"]  # noqa: S104
    assert service["command"] == (["vigil", "migrate"] if name == MIGRATE else run)


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_runs_as_root_or_can_become_root(name: str) -> None:
    service = SERVICES[name]
    uid, gid = (int(part) for part in service["user"].split(":"))
    assert uid > 0
    assert gid > 0
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] or name == "kafka"


@pytest.mark.parametrize("name", LASTING)
def test_what_runs_on_has_a_health_check_limits_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["restart"] == "unless-stopped"
    if name in OWN:
        assert "/readyz" in service["healthcheck"]["test"][-1]


def test_the_start_waits_for_what_it_needs() -> None:
    assert SERVICES[MIGRATE]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in set(OWN) - {MIGRATE, "console"}:
        needs = SERVICES[name]["depends_on"]
        assert needs[MIGRATE] == {"condition": "service_completed_successfully"}
        assert needs["kafka"] == {"condition": "service_healthy"}


@pytest.mark.parametrize("name", set(SERVICES) - set(OWN))
def test_foreign_images_are_pinned(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert re.match(r"v?\d+\.\d+", tag), f"{tag!r} moves"


def test_kafka_is_the_version_the_tests_run() -> None:
    pom = ET.parse(ROOT / "deploy/kafka/pom.xml").getroot()  # noqa: S314 - our own file
    version = pom.findtext(".//{*}kafka.version")
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{version}"


def test_only_the_gateway_is_public_and_only_here_by_default() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert set(published) == {"gateway", "mailpit"}
    for ports in published.values():
        for port in ports:
            assert interpolate(port, {}).startswith("127.0.0.1:")
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    reaching_out = {name for name in OWN if "outside" in OWN[name]["networks"]}
    assert reaching_out == {"notifier"}


def test_the_gateway_leads_only_to_services_of_this_file() -> None:
    upstreams = set(read_routes(CADDYFILE.read_text()).upstreams.values())
    assert upstreams == {f"{name}:8000" for name in OWN if name != MIGRATE}


def _names_read_by_the_program() -> set[str]:
    sources = [*ROOT.glob("shared/**/*.py"), *ROOT.glob("services/**/*.py")]
    return {
        name
        for source in sources
        for name in re.findall(r'"((?:VIGIL|KAFKA|SMTP|DATABASE)_[A-Z_]+)"', source.read_text())
    }


@pytest.mark.parametrize("name", OWN)
def test_every_variable_is_one_the_program_reads(name: str) -> None:
    assert set(OWN[name]["environment"]) - {_READ_BY_UVICORN} <= _names_read_by_the_program()


@pytest.mark.parametrize("name", ["ingest", "console"])
def test_a_browsers_address_is_the_one_that_the_gateway_states(
    name: str, live_server: Callable[[FastAPI], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By it tries of passwords are counted. Who speaks to a container is not this machine."""
    app = FastAPI()

    @app.get("/")
    def address(request: Request) -> str:
        return request.client.host if request.client else ""

    def seen(there: str) -> object:
        neighbour = httpx2.HTTPTransport(local_address="127.0.0.2")
        with httpx2.Client(transport=neighbour, timeout=60) as gateway:
            return gateway.get(there, headers={"X-Forwarded-For": "192.0.2.7"}).json()

    monkeypatch.delenv(_READ_BY_UVICORN, raising=False)
    assert seen(live_server(app)) == "127.0.0.2"
    monkeypatch.setenv(_READ_BY_UVICORN, _environment(name)[_READ_BY_UVICORN])
    assert seen(live_server(app)) == "192.0.2.7"


def test_the_provider_that_is_written_out_as_an_example_is_accepted() -> None:
    lines = COMPOSE_FILE.read_text().splitlines()
    commented = [line.strip().removeprefix("# ") for line in lines if "# VIGIL_" in line]
    example = dict(line.split(": ", 1) for line in commented)
    known = {**SECRETS, "VIGIL_OIDC_CLIENT_SECRET": "s3cret"}
    oidc = Settings.from_env({k: interpolate(v, known) for k, v in example.items()}).oidc
    assert oidc is not None
    assert (oidc.client_id, oidc.name, oidc.client_secret) == ("vigil", "the hospital", "s3cret")
    assert oidc.redirect_uri == "https://vigil.example.org/provider/answer"


def test_an_image_takes_what_an_extra_needs_from_the_locks() -> None:
    """Run as the Dockerfile has it: exactly the named packages, each with its hashes."""
    [program] = re.findall(r"awk -v pin=\S+ '([^']+)'", (ROOT / "deploy/Dockerfile").read_text())
    lock = ROOT / "requirements/dev.lock"
    for name in ("joserfc", "cryptography"):
        taken = subprocess.run(
            ["awk", "-v", f"pin={name}==", program, str(lock)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        assert taken[0].startswith(f"{name}==")
        assert taken[0] in lock.read_text()
        assert len(taken) > 1
        assert all(line.startswith("    --hash=sha256:") for line in taken[1:])
        assert not taken[-1].endswith("\\")


@pytest.mark.parametrize("name", OWN)
def test_the_settings_accept_the_environment(name: str) -> None:
    environment = {key: interpolate(value, SECRETS) for key, value in _environment(name).items()}
    settings = Settings.from_env(environment)
    assert (settings.database_url is not None) == (name != "console")
    assert (settings.kafka is not None) == (name not in ("console", MIGRATE))


def test_the_services_own_settings_accept_theirs() -> None:
    notifier = {key: interpolate(value, SECRETS) for key, value in _environment("notifier").items()}
    assert NotifierSettings.from_env(notifier).public_url == "https://vigil.example.org"
    console = ConsoleSettings.from_env(_environment("console"))
    assert console.monitor_url == "http://dlt_monitor:8000"


def _environment(name: str) -> dict[str, str]:
    environment: dict[str, str] = OWN[name]["environment"]
    return environment


@pytest.mark.parametrize("name", ["ingest", "dlt_monitor", "notifier"])
def test_each_service_signs_in_as_itself(name: str) -> None:
    url = interpolate(_environment(name)["DATABASE_URL"], SECRETS)
    password = SECRETS[f"VIGIL_{name.upper()}_PASSWORD"]
    assert url == f"postgresql://vigil_{name}:{password}@postgres:5432/vigil"


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_nothing_starts_without_a_secret(name: str) -> None:
    others = {key: value for key, value in SECRETS.items() if key != name}
    everything = " ".join(
        value for service in SERVICES.values() for value in service.get("environment", {}).values()
    )
    with pytest.raises(ComposeError, match=f"^{name}: run deploy/compose/init$"):
        interpolate(everything, others)


def test_no_secret_is_written_in_the_file() -> None:
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if "PASSWORD" in key:
                assert value.startswith("${"), f"{name}: {key}"


def test_the_plan_changes_addresses_and_nothing_else() -> None:
    addresses = {"kafka:9092": "127.0.0.1:29092", "ingest:8000": "127.0.0.1:28001"}
    planned = {one.name: one for one in plan(COMPOSE, SECRETS, addresses, {"ingest": 28001})}
    ingest, console = planned["ingest"], planned["console"]
    assert " ".join(ingest.command) == "vigil run ingest --host 127.0.0.1 --port 28001"
    assert ingest.environment["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:29092"
    assert console.environment["VIGIL_INGEST_URL"] == "http://127.0.0.1:28001"
    assert console.environment["VIGIL_MONITOR_URL"] == "http://dlt_monitor:8000"
    assert ingest.environment["DATABASE_URL"].endswith("@postgres:5432/vigil")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "1"),
        ("${B}", ""),
        ("${B:-fallback}", "fallback"),
        ("${A:-fallback}", "1"),
        ("x${A:?why}y", "x1y"),
        ("${B:-:8080}", ":8080"),
    ],
)
def test_variables_are_filled_in_as_compose_does(text: str, expected: str) -> None:
    assert interpolate(text, {"A": "1"}) == expected


def _init(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = folder / "deploy/compose/init"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_bytes((ROOT / "deploy/compose/init").read_bytes())
    script.chmod(0o755)
    return subprocess.run([str(script), *arguments], capture_output=True, text=True, check=False)


def _variables(folder: Path) -> dict[str, str]:
    lines = (folder / ".env").read_text().splitlines()
    pairs = (line.split("=", 1) for line in lines if not line.startswith("#"))
    return {name: value.strip("'") for name, value in pairs}


def test_init_makes_every_secret_once_and_for_its_owner_only(tmp_path: Path) -> None:
    assert _init(tmp_path, "--catch-mail").returncode == 0
    made = _variables(tmp_path)
    assert set(made) == {*SECRETS, "COMPOSE_PROFILES"}
    passwords = [value for name, value in made.items() if name.endswith("_PASSWORD")]
    assert len(set(passwords)) == len(passwords) == 5
    assert all(re.fullmatch(r"[0-9a-f]{48}", value) for value in passwords)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert _init(tmp_path, "--catch-mail").returncode == 1
    assert _variables(tmp_path) == made


def test_the_mail_server_of_the_example_is_one_the_notifier_takes() -> None:
    text = (ROOT / "deploy/compose/init").read_text()
    [example] = re.findall(r"--smtp (\S+@\S+)", text)
    assert mail_server(example).password


@pytest.mark.parametrize(
    ("option", "wrong"),
    [
        ("--smtp", "smtp://me:secret@mail.example.org:587"),
        ("--smtp", "mail.example.org"),
        ("--smtp", "smtps://"),
        ("--from", "vigil"),
        ("--url", "vigil.example.org"),
    ],
)
def test_init_writes_nothing_that_the_notifier_refuses(
    tmp_path: Path, option: str, wrong: str
) -> None:
    said = {
        "--smtp": "smtp://relay.example.org",
        "--from": "vigil@example.org",
        "--url": "https://vigil.example.org",
    }
    refused = _init(tmp_path, *(word for pair in (said | {option: wrong}).items() for word in pair))
    assert refused.returncode == 2
    assert option in refused.stderr
    assert "secret" not in refused.stderr
    assert not (tmp_path / ".env").exists()
    assert _init(tmp_path, *(word for pair in said.items() for word in pair)).returncode == 0


def test_init_wants_to_know_where_mail_goes(tmp_path: Path) -> None:
    assert _init(tmp_path).returncode == 2
    mail = ["--smtp", "smtp+starttls://me:pa$$@mail.example.org:587"]
    assert _init(tmp_path, *mail).returncode == 2
    assert not (tmp_path / ".env").exists()
    people = ["--from", "vigil@example.org", "--url", "https://vigil.example.org"]
    assert _init(tmp_path, *mail, *people).returncode == 0
    made = _variables(tmp_path)
    assert made["SMTP_URL"] == "smtp+starttls://me:pa$$@mail.example.org:587"
    assert made["VIGIL_MAIL_FROM"] == "vigil@example.org"
    assert made["VIGIL_PUBLIC_URL"] == "https://vigil.example.org"
    assert made["COMPOSE_PROFILES"] == ""
