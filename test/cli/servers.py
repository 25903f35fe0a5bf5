# SPDX-License-Identifier: Apache-2.0
"""Debug files from a debuginfod server: Debian's, and some that are no good."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request

from stage import Skip, build_id, check, same, test

SOURCE = """
struct conn { int fd; int uses; struct conn *next; };
static struct conn *head;
int enter(struct conn *c) { c->next = head; head = c; return ++c->uses; }
int victim_uses(int least) { int n = 0; for (struct conn *c = head; c; c = c->next)
    if (c->uses > least%s) n += c->uses * 3; return n; }
"""


def sides(place, work):
    """Two builds, stripped; their debug files lie in a folder of their own."""
    os.makedirs(f"{work}/files", exist_ok=True)
    for side, more in (("old", ""), ("new", " + 1")):
        source = place.write("server.c", (SOURCE % more).encode())
        library, debug = f"{work}/{side}.so", f"{work}/files/{side}.so.debug"
        subprocess.run(["gcc", "-g", "-O2", "-shared", "-fPIC", "-Wl,--build-id", "-o",
                        library, source], check=True)
        subprocess.run(["objcopy", "--only-keep-debug", library, debug], check=True)
        subprocess.run(["strip", library], check=True)
    return f"{work}/old.so", f"{work}/new.so"


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def debuginfod(work, known):
    """Debian's server over a folder, once it knows a build."""
    if not shutil.which("debuginfod"):
        raise Skip("no debuginfod here")
    port = free_port()
    env = {k: v for k, v in os.environ.items() if not k.startswith("DEBUGINFOD")}
    server = subprocess.Popen(
        ["debuginfod", "-d", f"{work}/index.sqlite", "-p", str(port), "-F", "-t0", "-g0",
         f"{work}/files"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"{url}/buildid/{known}/debuginfo", timeout=5).close()
                break
            except OSError:
                check(time.monotonic() < end, "the server does not learn of its files")
                time.sleep(0.2)
        yield url
    finally:
        server.kill()
        server.wait()


@contextlib.contextmanager
def answering(answer):
    """A server that gives the same to everybody: bytes, or None for nothing at all."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    open_ends = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                end, _ = listener.accept()
                open_ends.append(end)
                if answer is None:
                    continue
                end.recv(4096)
                end.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n"
                            b"\r\n" % len(answer) + answer)
                end.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for end in open_ends:
            end.close()
        thread.join(5)


def compare(place, work, url, timeout="20"):
    """What graft diff says with a server."""
    more = {"DEBUGINFOD_URLS": url, "DEBUGINFOD_TIMEOUT": timeout, "DEBUGINFOD_RETRY_LIMIT": "1",
            "DEBUGINFOD_CACHE_PATH": f"{work}/cache", "HOME": work}
    done = place.run("diff", f"{work}/old.so", f"{work}/new.so", "--json", "-o",
                     f"{work}/fix.graft", status=0, more=more)
    return json.loads(done.stdout)["modules"][0]


def inferred(module, words):
    same(module["assurance"], "inferred", "the assurance")
    said = [r["text"] for r in module["reasons"] if "debuginfod" in r["text"]]
    check(said and words in said[0], f"it does not say {words!r}: {module['reasons']}")


@test
def types_from_a_debuginfod_server_prove(place):
    work = place.path("served")
    old, new = sides(place, work)
    same(json.loads(place.run("diff", old, new, "--json", status=0).stdout)
         ["modules"][0]["assurance"], "inferred", "without a server")
    with debuginfod(work, build_id(new)) as url:
        same(compare(place, work, url)["assurance"], "proven", "with a server")
    # They are in the cache now.
    same(compare(place, work, "http://127.0.0.1:9/")["assurance"], "proven", "without it again")


@test
def a_debuginfod_server_that_is_gone_is_said(place):
    work = place.path("gone")
    sides(place, work)
    start = time.monotonic()
    inferred(compare(place, work, f"http://127.0.0.1:{free_port()}"), "debuginfod:")
    check(time.monotonic() - start < 15, "it took too long")


@test
def a_debuginfod_server_that_is_silent_is_given_up(place):
    work = place.path("silent")
    sides(place, work)
    start = time.monotonic()
    with answering(None) as url:
        inferred(compare(place, work, url, "2"), "no answer within 2 s")
    check(time.monotonic() - start < 20, "it took too long")


@test
def a_debuginfod_server_that_gives_another_build_is_not_believed(place):
    work = place.path("wrong")
    sides(place, work)
    with open(place.new, "rb") as file:
        wrong = file.read()
    for answer, words in ((wrong, "another build"), (b"hello\n", "not an ELF file"),
                          (wrong[:200], "")):
        shutil.rmtree(f"{work}/cache", ignore_errors=True)
        with answering(answer) as url:
            inferred(compare(place, work, url), words)
