# SPDX-License-Identifier: Apache-2.0
"""`graft update` through a proxy: plain and by CONNECT, with a password that is nowhere said; and whose
word counts about proxies."""
import base64
import contextlib
import http.server
import os
import re
import select
import socket
import ssl
import subprocess
import threading
import urllib.parse

from carrying import Server
from stage import ENV, LIMIT, Skip, check, same, test
from updating import Daemon, Device, begin, daemon_of
from victim import until
from writer import openssl

NAME = "repository.invalid"
SECRET = "v3ry-s3cret"


class Proxy:
    """A proxy on loopback, which alone knows where the repository is."""

    def __init__(self, port, password=None):
        self.asked, self.refused = [], 0
        outer, want = self, password and "Basic " + base64.b64encode(password.encode()).decode()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def may(self):
                if not want or self.headers.get("Proxy-Authorization") == want:
                    return True
                outer.refused += 1
                self.send_response(407)
                self.send_header("Proxy-Authenticate", "Basic realm=x")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return False

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                outer.asked.append(("GET", url.hostname))
                if not self.may():
                    return
                with socket.create_connection(("127.0.0.1", port)) as up:
                    kept = {k: v for k, v in self.headers.items() if not k.lower().startswith("proxy-")}
                    lines = [f"GET {url.path} HTTP/1.1", *(f"{k}: {v}" for k, v in kept.items()), "Connection: close"]
                    up.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
                    while data := up.recv(65536):
                        self.wfile.write(data)
                self.close_connection = True

            def do_CONNECT(self):
                outer.asked.append(("CONNECT", self.path.split(":")[0]))
                if not self.may():
                    return
                self.send_response(200)
                self.end_headers()
                self.close_connection = True
                with socket.create_connection(("127.0.0.1", port)) as up:
                    ends = {up: self.connection, self.connection: up}
                    while True:
                        for end in select.select(list(ends), [], [])[0]:
                            data = end.recv(65536)
                            if not data:
                                return
                            ends[end].sendall(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.host = f"127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def served(w):
    """The repository and where it is."""
    return Server(os.path.join(w.dir, "public"))


def port(server):
    return server.server.server_port


@contextlib.contextmanager
def environment(**more):
    """Variables that whoever starts graft has."""
    ENV.update(more)
    try:
        yield
    finally:
        for name in more:
            del ENV[name]


DEAD = {"http_proxy": f"http://me:{SECRET}@127.0.0.1:1", "https_proxy": f"http://me:{SECRET}@127.0.0.1:1"}


@test
def the_configuration_says_which_proxy_and_the_environment_only_by_hand(place):
    w = begin(place)
    device = Device(w)
    url = f"http://{NAME}"
    with served(w) as server, Proxy(port(server)) as proxy:
        device.update("--dry-run", urls=[url], status=92)
        # By hand, what is in the environment holds unless the configuration says something.
        with environment(http_proxy=f"http://{proxy.host}"):
            device.update("--dry-run", urls=[url])
            same(set(proxy.asked), {("GET", NAME)}, "asked")
            device.update("--dry-run", urls=[url], config="proxy = none\n", status=92)
            device.update("--dry-run", urls=[server.url], config="proxy = none\n")
        with environment(**DEAD, no_proxy="*"):
            device.update("--dry-run", urls=[url], config=f"proxy = http://{proxy.host}\n")
        # Who is asked directly.
        asked = len(proxy.asked)
        config = f"proxy = http://{proxy.host}\nno-proxy = localhost,127.0.0.1\n"
        device.update("--dry-run", urls=[server.url], config=config)
        same(len(proxy.asked), asked, "it was asked through the proxy")
        device.update(urls=[url], config=config)
        check("level = 2026-12" in device.conf(), device.conf())


@test
def a_password_comes_from_a_file_and_is_said_nowhere(place):
    w = begin(place)
    device = Device(w)
    url = f"http://{NAME}"
    own = w.write("password", f"me:{SECRET}\n", 0o600)
    with served(w) as server, Proxy(port(server), f"me:{SECRET}") as proxy:
        config = f"proxy = http://{proxy.host}\n"
        said = device.update("--json", urls=[url], config=config, status=92)
        check("the proxy wants another name and password (status 407)" in said["error"]["message"], said)
        config += f"proxy-password-file = {own}\n"
        device.update("--dry-run", urls=[url], config=config)
        check(not any("roxy-" in line for line in server.asked), "what was sent on")
        os.chmod(own, 0o644)
        said = device.update(urls=[url], config=config, status=86)
        check("others may read" in said and SECRET not in said, said)
        for text in (SECRET, f":{SECRET}\n", f"me:{SECRET}\nmore\n"):
            w.write("password", text, 0o600)
            said = device.update(urls=[url], config=config, status=65)
            check("no line name:password" in said and SECRET not in said, said)
        os.remove(own)
        device.update(urls=[url], config=config, status=66)
        # Nor where it stands in the environment, in whatever form.
        for wrong in (f"nothing://me:{SECRET}@{proxy.host}", f"http://me:{SECRET} @{proxy.host}",
                      f"http://me:{SECRET}@nowhere.invalid", f"http://other:{SECRET}@{proxy.host}"):
            with environment(http_proxy=wrong):
                done = subprocess.run(device.command("--dry-run", "--json", urls=[url]), env=ENV, capture_output=True,
                                      text=True, timeout=LIMIT, check=False)
                check(done.stdout and SECRET not in done.stdout + done.stderr, f"{wrong}: {done.stdout}{done.stderr}")
        check(not any(SECRET.encode() in data for data in device.stored().values()), "it was kept")


@test
def a_password_may_have_any_character(place):
    w = begin(place)
    device = Device(w)
    for line in "me:p%41ss%00%", "do main\\me:a:b@c/d?#+ü":
        own = w.write("password", f"{line}\n", 0o600)
        with served(w) as server, Proxy(port(server), line) as proxy:
            device.update("--dry-run", urls=[f"http://{NAME}"],
                          config=f"proxy = http://{proxy.host}\nproxy-password-file = {own}\n")


@test
def a_proxy_connects_to_a_server_that_has_a_certificate(place):
    if os.geteuid():
        raise Skip("not root")
    authorities = "/etc/ssl/certs/ca-certificates.crt"
    alone = ["unshare", "--mount", "--propagation", "private"]
    if not os.path.exists(authorities) or subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        raise Skip("no certificates, or no mount namespace")
    w = begin(place)
    device = Device(w)
    key, cert = w.path("key.pem"), w.path("cert.pem")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj",
            f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}")
    with served(w) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
        for password in None, f"me:{SECRET}":
            with Proxy(port(server), password) as proxy:
                own = w.write("password", f"{password}\n", 0o600)
                config = f"proxy = http://{proxy.host}\n" + (f"proxy-password-file = {own}\n" if password else "")
                command = device.command("--dry-run", urls=[f"https://{NAME}"], config=config)
                # Its certificate is nobody's that is known, whatever the proxy is.
                done = subprocess.run(command, env=ENV, capture_output=True, text=True, timeout=LIMIT, check=False)
                same(done.returncode, 92, done.stderr)
                check("certificate" in done.stderr and SECRET not in done.stderr, done.stderr)
                done = subprocess.run([*alone, "sh", "-c", f"mount --bind {cert} {authorities} && exec \"$@\"", "-", *command],
                                      env=ENV, capture_output=True, text=True, timeout=LIMIT, check=False)
                same(done.returncode, 0, done.stdout + done.stderr)
                same(set(proxy.asked), {("CONNECT", NAME)}, "asked")
            with Proxy(port(server), "me:other") as proxy:
                command = device.command("--dry-run", urls=[f"https://{NAME}"], config=config.replace(
                    re.search(r"127.0.0.1:\d+", config)[0], proxy.host))
                done = subprocess.run(command, env=ENV, capture_output=True, text=True, timeout=LIMIT, check=False)
                same(done.returncode, 92, done.stderr)
                check("the proxy wants another name and password" in done.stderr and SECRET not in done.stderr, done.stderr)


@test
def graftd_takes_no_proxy_from_its_environment(place):
    w, device = daemon_of(place)
    with served(w) as server, environment(**DEAD):
        with Daemon(device, [server.url]) as daemon:
            until(lambda: "level = 2026-12" in device.conf(), "nothing was got: " + daemon.said())
    device.is_at("2026-10", "2026-10")
    own = w.write("password", f"me:{SECRET}\n", 0o600)
    with served(w) as server, Proxy(port(server), f"me:{SECRET}") as proxy:
        with Daemon(device, [f"http://{NAME}"], f"proxy = http://{proxy.host}", f"proxy-password-file = {own}") as daemon:
            until(lambda: "level = 2026-12" in device.conf(), "nothing was got: " + daemon.said())
            check(SECRET not in daemon.said(), daemon.said())
