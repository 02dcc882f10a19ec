"""The files that deploy Strata agree with each other, with the app and with nginx."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from app import build_parser
from benchmarks.nginx import TEMPLATE, NoNginx, filled, write_files
from explorer.guard.drain import CLOSE_S, DRAIN_S, READY
from explorer.guard.limits import MAX_FILE_BYTES
from tests.browser.conftest import missing
from tests.running import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
KUBERNETES = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
PORT = 7860


def of_kind(kind: str, name: str) -> dict[str, Any]:
    """A part of the Kubernetes manifest."""
    return next(p for p in KUBERNETES if (p["kind"], p["metadata"]["name"]) == (kind, name))


def container(part: dict[str, Any]) -> dict[str, Any]:
    (only,) = part["spec"]["template"]["spec"]["containers"]
    return only


def environments() -> dict[str, dict[str, str]]:
    """What each kind of deployment tells nginx."""
    pairs = container(of_kind("Deployment", "strata-nginx"))["env"]
    return {
        "compose": COMPOSE["services"]["nginx"]["environment"],
        "kubernetes": {pair["name"]: pair["value"] for pair in pairs},
    }


def servers(told: dict[str, str]) -> list[str]:
    return re.findall(r"server (\S+):7860 resolve;", told["STRATA_SERVERS"])


@pytest.mark.parametrize("where", ["compose", "kubernetes"])
def test_nginx_takes_the_file_as_each_fills_it_in(where: str, tmp_path: Path) -> None:
    """Debian's nginx is older than `resolve`, so names stand for themselves here."""
    told = environments()[where]
    names = servers(told)
    assert len(names) == 3 and told["STRATA_LISTEN"] == "8080" and told["STRATA_RESOLVER"]
    values = {"STRATA_LISTEN": "127.0.0.1:8080", "STRATA_RESOLVER": "resolver 127.0.0.1 valid=2s;"}
    local = " ".join(f"server 127.0.0.{n + 1}:7860;" for n in range(len(names)))
    try:
        command = write_files(tmp_path, values | {"STRATA_SERVERS": local})
    except NoNginx as error:
        missing(str(error))
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_template_asks_for_what_is_told_and_nothing_else() -> None:
    asked = set(re.findall(r"\$\{(\w+)\}", TEMPLATE.read_text()))
    for told in environments().values():
        assert asked == {name for name in told if name.startswith("STRATA_")}
        assert told["NGINX_ENVSUBST_FILTER"] == "STRATA_"
    text = filled(dict.fromkeys(asked, "x"))
    assert "${" not in text
    size = re.search(r"client_max_body_size (\d+)m;", text)
    assert size is not None and int(size[1]) * 2**20 > MAX_FILE_BYTES + 2**20


def test_the_replicas_of_compose_are_those_that_nginx_asks() -> None:
    services = COMPOSE["services"]
    replicas = {name: part for name, part in services.items() if name != "nginx"}
    assert servers(environments()["compose"]) == list(replicas)
    for part in replicas.values():
        assert part["image"] == "strata" and part["read_only"] and part["init"]
        assert int(part["stop_grace_period"][:-1]) > DRAIN_S + CLOSE_S
        options = build_parser().parse_args(part["command"])
        mounted = [volume.split(":") for volume in part["volumes"]]
        assert [str(options.runs), "ro"] in [one[1:] for one in mounted]
    (template,) = services["nginx"]["volumes"]
    assert (DEPLOY / template.split(":")[0]).resolve() == TEMPLATE
    assert services["nginx"]["ports"] == ["${STRATA_PORT:-8080}:8080"]


def test_the_replicas_of_kubernetes_are_those_that_nginx_asks() -> None:
    replicas, service = of_kind("StatefulSet", "strata"), of_kind("Service", "strata-replicas")
    assert replicas["spec"]["serviceName"] == service["metadata"]["name"]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == replicas["spec"]["template"]["metadata"]["labels"]
    own = f"{service['metadata']['name']}.default.svc.cluster.local"
    names = [f"strata-{n}.{own}" for n in range(replicas["spec"]["replicas"])]
    assert servers(environments()["kubernetes"]) == names
    pod = replicas["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > DRAIN_S + CLOSE_S
    for probe in ("readinessProbe", "startupProbe"):
        assert container(replicas)[probe]["httpGet"]["path"] == READY
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
    (made,) = kustomization["configMapGenerator"]
    used = of_kind("Deployment", "strata-nginx")["spec"]["template"]["spec"]["volumes"]
    assert used[0]["configMap"]["name"] == made["name"]
    assert made["files"] == [f"default.conf.template={TEMPLATE.name}"]
    outer = of_kind("Service", "strata")["spec"]
    labels = of_kind("Deployment", "strata-nginx")["spec"]["template"]["metadata"]["labels"]
    assert outer["selector"] == labels


def test_the_container_has_what_the_app_needs_and_starts_it() -> None:
    lines = re.sub(r"\\\n", " ", DOCKERFILE).splitlines()
    copied = [line.split()[1] for line in lines if line.startswith("COPY")]
    assert copied == ["requirements.txt", "app.py", "explorer", "models", "checkpoints", "docs"]
    assert all((ROOT / name).exists() for name in copied)
    (entry,) = [line for line in lines if line.startswith("ENTRYPOINT")]
    command = yaml.safe_load(entry.removeprefix("ENTRYPOINT"))
    options = build_parser().parse_args(command[2:])
    assert command[:2] == ["python", "app.py"]
    assert (options.host, options.port) == ("0.0.0.0", PORT) and f"EXPOSE {PORT}" in lines
    assert f"http://127.0.0.1:{PORT}{READY}" in DOCKERFILE
    assert "grep '^torch==' requirements.txt" in DOCKERFILE
    assert re.search(r"^torch==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)


def test_the_head_of_the_readme_is_what_a_space_reads() -> None:
    head = yaml.safe_load((ROOT / "README.md").read_text().split("---")[1])
    assert head["sdk"] == "gradio" and (ROOT / head["app_file"]).is_file()
    (pinned,) = re.findall(r"gradio>=(\S+),<(\d+)", (ROOT / "requirements.txt").read_text())
    numbers = [int(part) for part in head["sdk_version"].split(".")]
    assert [int(part) for part in pinned[0].split(".")] <= numbers[:2] < [int(pinned[1])]
    assert len(head["short_description"]) <= 60  # the Hub refuses a longer one


def test_the_documented_options_are_those_of_the_app() -> None:
    page = (ROOT / "docs" / "serving.md").read_text()
    known = {name for action in build_parser()._actions for name in action.option_strings}
    blocks = re.findall(r"```(?:sh|nginx)?\n(.*?)```", page, re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines() if "app.py" in line]
    assert commands
    for line in commands:
        words = shlex.split(line.partition("app.py")[2].split("&")[0], comments=True)
        assert {word.split("=")[0] for word in words if word.startswith("--")} <= known, line
    of_benchmark = {"--signal"}
    inline = {name for text in re.findall(r"`([^`\n]+)`", page) if not text.startswith("pip ")
              for name in re.findall(r"(?<!\S)--[a-z][a-z-]+", text)}  # fmt: skip
    assert inline - of_benchmark <= known
    assert {"--host", "--auth", "--root-path", "--allowed-host", "--runs"} <= inline
