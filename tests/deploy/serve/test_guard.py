"""Requests of other sites and names, and routes that are none."""

import base64
import hashlib
import re
import socket

import pytest

from mmseg_splashkd.deploy import SplashModel
from mmseg_splashkd.deploy.serve.address import hosts_of, is_loopback, listening, url_of
from mmseg_splashkd.deploy.serve.app import create_app
from mmseg_splashkd.deploy.serve.guard import LOOPBACK, Guard
from mmseg_splashkd.deploy.serve.turns import Turns
from tests.deploy.predict.fakes import RedEngine, noise
from tests.deploy.serve.asgi import ask, pieces_of, scope_of
from tests.deploy.serve.helpers import (
    BASE,
    client_of,
    error_of,
    png_of,
    service_of,
)

PICTURE = {"file": png_of(noise(8, 8))}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil",
        "",
        "localhost:x",
        "[::",
    ],
)
def test_another_host_is_refused(tmp_path, host):
    """A name of somebody else that leads here: DNS rebinding."""
    client = client_of(tmp_path)
    for method, path in (("GET", "/"), ("GET", "/healthz"), ("POST", "/predict")):
        answer = client.request(method, path, headers={"host": host})
        assert "--allow-host" in error_of(answer, 400)


def test_no_host_and_two_hosts_are_refused(tmp_path):
    app = create_app(service_of(), Turns(0), LOOPBACK, tmp_path)
    for hosts in ([], ["127.0.0.1", "evil"], ["127.0.0.1", "127.0.0.1"]):
        scope = scope_of("/healthz", headers=[("host", each) for each in hosts])
        assert ask(app, scope, pieces_of([b""])).status == 400


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:9", "LOCALHOST", "[::1]:8000", "127.0.0.1:8000"]
)
def test_names_of_this_machine_are_answered(tmp_path, host):
    client = client_of(tmp_path)
    assert client.get("/healthz", headers={"host": host}).json()["ok"] is True


FOREIGN = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:9000"},
    {"origin": "http://127.0.0.1"},
    {"origin": "file://127.0.0.1:8000"},
    {"origin": "http://[127.0.0.1:8000"},
    {"origin": "http://evil@127.0.0.1:8000"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": BASE},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", ["/predict", "/events"])
def test_uploads_of_other_sites_are_refused(tmp_path, headers, path):
    answer = client_of(tmp_path).post(path, files=PICTURE, headers=headers)
    assert error_of(answer, 403) == "requests of other sites are refused"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": BASE},
        {"origin": BASE, "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"origin": "https://127.0.0.1:8000"},  # a proxy adds TLS
        {"origin": "https://localhost", "host": "localhost"},
    ],
)
def test_uploads_of_the_page_are_taken(tmp_path, headers):
    answer = client_of(tmp_path).post("/predict", files=PICTURE, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/page.js",
        "/docs",
        "/redoc",
        "/openapi.json",
        "/predict/",
    ],
)
def test_other_routes_are_not_there(tmp_path, path):
    assert error_of(client_of(tmp_path).get(path), 404) == "Not Found"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/predict"), ("PUT", "/predict"), ("POST", "/"), ("DELETE", "/healthz")],
)
def test_other_methods_are_not_there(tmp_path, method, path):
    answer = client_of(tmp_path).request(method, path)
    assert error_of(answer, 405) == "Method Not Allowed"
    assert answer.headers["allow"] in ("GET", "POST")


def test_no_other_site_may_read_anything(tmp_path):
    client = client_of(tmp_path)
    headers = {"origin": "http://evil.example"}
    answers = [
        client.get("/", headers=headers),
        client.get("/healthz", headers=headers),
        client.options("/predict", headers=headers),
        client.post("/predict", files=PICTURE),
        client.get("/nowhere"),
        client.get("/", headers={"host": "evil"}),
    ]
    for answer in answers:
        names = {name.lower() for name in answer.headers}
        assert not {name for name in names if name.startswith("access-control")}
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy


def test_a_web_socket_is_not_opened(tmp_path):
    app = Guard(lambda *_: pytest.fail("reached"), LOOPBACK)
    scope = {**scope_of("/"), "type": "websocket"}
    with pytest.raises(ValueError, match="not enough values"):  # nothing is sent
        ask(app, scope, pieces_of([b""]))


# The page


def test_the_policy_allows_the_script_and_style_of_the_page_alone(tmp_path):
    answer = client_of(tmp_path).get("/")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        (content,) = re.findall(rf"<{kind}>(.*?)</{kind}>", answer.text, re.DOTALL)
        digest = hashlib.sha256(content.encode()).digest()
        allowed = f"{kind}-src 'sha256-{base64.b64encode(digest).decode()}';"
        assert allowed in policy
    assert answer.text.count("<script") == answer.text.count("<style") == 1
    assert not re.search(r"\sstyle=|\son\w+=|http-equiv|src=\"http", answer.text)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval", answer.text
    )


def test_names_are_text_in_the_page(tmp_path):
    service = service_of()
    evil = "<img src=x onerror=alert(1)>"
    named = type(service)(service.model, evil, None, service.settings, service.bounds)
    text = client_of(tmp_path, named).get("/").text
    assert evil not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text


def test_health_says_what_is_served(tmp_path):
    found = client_of(tmp_path).get("/healthz").json()
    assert found["ok"] is True
    assert (found["model"], found["engine"], found["class"]) == ("red", "red", "splash")
    assert found["classes"] == ["background", "splash"]
    assert found["operating_point"] == {}
    assert "no operating point" in found["decision"]
    assert found["settings"]["on"] == 0.002
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", found["version"])
    assert str(tmp_path) not in str(found)


# Errors of ours


class BrokenEngine(RedEngine):
    def run(self, frames):
        raise RuntimeError("secret /etc/passwd")


class InfiniteEngine(RedEngine):
    def run(self, frames):
        probabilities, labels = super().run(frames)
        return probabilities + float("inf"), labels


@pytest.mark.parametrize("engine", [BrokenEngine, InfiniteEngine])
def test_a_fault_of_the_server_is_no_fault_of_the_client(tmp_path, engine):
    service = service_of(SplashModel(engine()))
    client = client_of(tmp_path, service, raise_server_exceptions=False)
    answer = client.post("/predict", files=PICTURE)
    assert error_of(answer, 500) == "the server failed: its log says why"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert list(tmp_path.iterdir()) == []


# Where it listens


@pytest.mark.parametrize(
    ("host", "allowed", "told"),
    [
        ("0.0.0.0", [], "--host 0.0.0.0 can be reached from other machines"),
        ("::", [], "can be reached from other machines"),
        ("pier.local", [], "can be reached from other machines"),
        ("0.0.0.0", ["*"], r"--allow-host '\*': give a name or an address"),
        ("0.0.0.0", ["http://x"], "without scheme and port"),
        ("127.0.0.1", ["x:80"], "without scheme and port"),
        ("127.0.0.1", [""], "--allow-host ''"),
    ],
)
def test_a_network_is_opened_on_purpose_only(host, allowed, told):
    with pytest.raises(ValueError, match=told):
        hosts_of(host, allowed)


def test_hosts_that_are_allowed():
    assert hosts_of("127.0.0.1", []) == set(LOOPBACK)
    named = hosts_of("0.0.0.0", ["Pier.Local", "10.0.0.7", "[fd00::1]"])
    assert named == {*LOOPBACK, "pier.local", "10.0.0.7", "[fd00::1]"}
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        assert is_loopback(host)
    for host in ("0.0.0.0", "10.0.0.1", "localhost.evil", ""):
        assert not is_loopback(host)


def test_a_port_in_use_is_named_with_the_remedy():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            ValueError, match=rf"port {port} of 127.0.0.1 is in use"
        ) as e:
            listening("127.0.0.1", port)
    assert "--port 0 for any that is free" in str(e.value)


@pytest.mark.parametrize(
    ("host", "port", "told"),
    [
        ("127.0.0.1", 65536, "--port 65536: give a number from 0"),
        ("127.0.0.1", -1, "--port -1: give a number from 0"),
        ("203.0.113.1", 0, "--host 203.0.113.1 is no address of this machine"),
        ("no.such.host.invalid", 0, "--host no.such.host.invalid is no name"),
    ],
)
def test_places_to_listen_that_cannot_be_are_refused(host, port, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        listening(host, port)


def test_a_port_is_chosen_and_told():
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://127.0.0.1:{port}/"
        socket.create_connection(("127.0.0.1", port)).close()
