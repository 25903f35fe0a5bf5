# SPDX-License-Identifier: Apache-2.0
"""Mirrors that are slow, broken or hostile, and files that no repository writes."""
import gzip
import json
import os
import shutil
import ssl
import subprocess
import time
import urllib.parse

from stage import Server, Skip, check, each, same, test

BROKEN = [
    ("nothing", lambda b: b""),
    ("half of it", lambda b: b[:len(b) // 2]),
    ("no JSON", lambda b: b"<html>Not found</html>"),
    ("something behind", lambda b: b + b"{}"),
    ("a NUL behind", lambda b: b + b"\0"),
    ("no UTF-8", lambda b: b.replace(b'"signed"', b'"sign\xff\xfe"')),
    ("a key twice", lambda b: b.replace(b'"version"', b'"version": 9, "version"', 1)),
    ("a version with a point", lambda b: b.replace(b'"version": 2', b'"version": 2.0')),
    ("a version that is a text", lambda b: b.replace(b'"version": 2', b'"version": "2"')),
    ("a version below 0", lambda b: b.replace(b'"version": 2', b'"version": -2')),
    ("a version too large", lambda b: b.replace(b'"version": 2', b'"version": ' + b"9" * 30)),
    ("too deep", lambda b: b.replace(b'"signed"', b'"deep": ' + b"[" * 1000 + b"]" * 1000 +
                                     b', "signed"')),
    ("no signatures", lambda b: json.dumps({"signed": json.loads(b)["signed"]}).encode()),
    ("nothing signed", lambda b: json.dumps({"signatures": []}).encode()),
    ("an array", lambda b: b"[" + b + b"]"),
    ("a time that is none", lambda b: b.replace(b'T', b' ')),
]


@each([(f"{what}, {role}", role, how) for what, how in BROKEN
       for role in ("root", "timestamp", "snapshot", "targets")])
def a_file_that_is_malformed_is_refused(place, role, how):
    repo, client = place.begin()
    repo.publish("targets", "snapshot", "timestamp", "root")
    broken = how(repo.published[role][-1])
    check(broken != repo.published[role][-1], "nothing is broken")
    repo.published[role][-1] = broken
    client.refused(f"graft-tuf: {role}: http://127.0.0.1", f"{role}.json: ", "try")
    versions = client.versions()
    check(role not in versions or role == "root" and versions["root"] == 1, versions)


@each([(role, role) for role in ("root", "timestamp", "snapshot", "targets")])
def a_newer_specification_asks_for_a_newer_program(place, role):
    repo, client = place.begin()
    repo.says[role]["spec_version"] = "2.0"
    repo.publish("targets", "snapshot", "timestamp", "root")
    client.refused(f"graft-tuf: {role}: ", "a newer program is needed")


@test
def a_file_without_an_end_is_cut_off(place):
    repo, client = place.begin()

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(10000):
            handler.wfile.write(b" " * 65536)

    repo.instead["metadata/timestamp.json"] = endless
    client.refused("graft-tuf: timestamp: ", "longer than the 65536 bytes that are accepted")
    repo.with_hashes = True
    repo.publish("snapshot", "timestamp")
    repo.instead = {"metadata/2.snapshot.json": endless}
    client.refused("graft-tuf: snapshot: ", "longer than the", "bytes that are accepted")


@test
def a_target_without_an_end_is_cut_off(place):
    repo, client = place.begin()
    repo.add_target("targets", "file", b"content")
    repo.publish("targets", "snapshot", "timestamp")
    name = repo.says["targets"]["targets"]["file"]["hashes"]["sha256"] + ".file"

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(10000):
            handler.wfile.write(b"content" * 10000)

    repo.instead[f"targets/{name}"] = endless
    same(client.download("file"), 1, "status")
    client.tells("graft-tuf: target: ", "longer than the 7 bytes")
    same(client.targets(), {}, "targets")


@test
def a_length_that_is_announced_is_not_waited_for(place):
    repo, client = place.begin()
    repo.instead["metadata/timestamp.json"] = lambda h: h.send(b"{", 1 << 40)
    client.refused("graft-tuf: timestamp: ", "longer than the 65536 bytes that are accepted")


@test
def a_file_that_is_cut_off_is_said(place):
    repo, client = place.begin()

    def cut(handler):
        handler.send(repo.metadata("timestamp")[:100], 500)
        handler.close_connection = True

    repo.instead["metadata/timestamp.json"] = cut
    client.refused("graft-tuf: timestamp: ", "cut off after 100 bytes", "try again")
    same(client.versions(), {"root": 1}, "trusted")


def trickle(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "60000")
    handler.end_headers()
    for _ in range(600):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


@each([("a trickle", trickle), ("silence", lambda handler: time.sleep(30))])
def a_mirror_that_is_slow_is_left(place, how):
    repo, client = place.begin()
    repo.instead["metadata/timestamp.json"] = how
    start = time.monotonic()
    same(client.run("--metadata-url", place.server.url("metadata"), "--timeout", "2", "refresh"),
         1, "status")
    client.tells("graft-tuf: timestamp: ", "the server is too slow", "try again")
    check(time.monotonic() - start < 15, "it was waited for")
    same(client.versions(), {"root": 1}, "trusted")


@test
def a_mirror_that_is_not_there_is_said(place):
    _, client = place.begin()
    same(client.run("--metadata-url", "http://127.0.0.1:1/", "refresh"), 1, "status")
    client.tells("graft-tuf: root: http://127.0.0.1:1/2.root.json: ", "see whether network")


def redirect(to, status=302):
    def answer(handler):
        handler.send_response(status)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    return answer


@test
def a_redirect_is_followed(place):
    repo, client = place.begin()
    repo.instead["metadata/1.snapshot.json"] = redirect(place.server.url("other"))
    repo.instead["other"] = lambda h: h.send(repo.metadata("snapshot"))
    client.ok()
    same(client.stored("snapshot"), repo.metadata("snapshot"), "snapshot")


@test
def redirects_without_an_end_are_left(place):
    repo, client = place.begin()
    repo.instead["metadata/timestamp.json"] = redirect("timestamp.json")
    client.refused("graft-tuf: timestamp: ", "edirect")


@test
def no_redirect_leads_to_a_file(place):
    repo, client = place.begin()
    path = os.path.join(place.state, "local.json")
    with open(path, "wb") as file:
        file.write(repo.metadata("timestamp"))
    repo.instead["metadata/timestamp.json"] = redirect(f"file://{path}")
    client.refused("graft-tuf: timestamp: ", "in a way that is not followed", '"file"')
    same(client.versions(), {"root": 1}, "trusted")


@test
def what_comes_compressed_is_not_unpacked(place):
    repo, client = place.begin()
    repo.publish("timestamp")
    packed = gzip.compress(repo.metadata("timestamp"))
    headers = []

    def answer(handler):
        headers.append(handler.headers.get("Accept-Encoding"))
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(packed)))
        handler.end_headers()
        handler.wfile.write(packed)
    repo.instead["metadata/timestamp.json"] = answer
    # A short answer could become one of any length; what is signed is not what came.
    client.refused("graft-tuf: timestamp: ", "timestamp.json: ")
    same((client.versions(), headers), ({"root": 1}, [None]), "trusted, asked for")


@each([("500", 500), ("503", 503), ("204", 204), ("206", 206), ("401", 401)])
def a_status_that_is_none_of_success_is_said(place, status):
    repo, client = place.begin()

    def answer(handler):
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    # For a root, too: only "there is none" ends the chain.
    repo.instead["metadata/2.root.json"] = answer
    client.refused("graft-tuf: root: ", f"status {status}")
    same(repo.asked, [], "asked")


@each([("403", 403), ("404", 404), ("410", 410)])
def a_root_that_is_not_there_ends_the_chain(place, status):
    repo, client = place.begin()
    repo.instead["metadata/2.root.json"] = lambda handler: handler.send_error(status)
    client.ok()


@test
def files_of_two_states_are_refused(place):
    repo, client = place.begin(consistent=False)
    client.ok()
    old = repo.published["targets"][-1]
    repo.publish("targets", "snapshot", "timestamp")
    repo.published["targets"].append(old)
    client.refused("graft-tuf: targets: ", "it is version 1, where version 2 is listed",
                   "of another state", "try again later, or another mirror")
    repo.published["targets"].pop()
    client.ok()


@test
def more_signatures_than_anybody_needs_are_refused(place):
    repo, client = place.begin()
    file = json.loads(repo.published["timestamp"].pop())
    file["signatures"] += [{"keyid": f"{n}", "sig": ""} for n in range(1000)]
    repo.published["timestamp"].append(json.dumps(file).encode())
    client.refused("graft-tuf: timestamp: ", "more than 256 signatures")


@test
def a_repository_may_be_a_directory(place):
    repo, client = place.begin()
    folder = os.path.join(place.state, "repo")
    os.mkdir(folder)
    for name, data in {"timestamp.json": repo.metadata("timestamp"),
                       "1.snapshot.json": repo.metadata("snapshot"),
                       "1.targets.json": repo.metadata("targets")}.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
    same(client.run("--metadata-url", f"file://{folder}", "refresh"), 0, client.said)
    same(len(client.versions()), 4, "trusted")
    with open(os.path.join(folder, "timestamp.json"), "wb") as file:
        file.write(b" " * (1 << 20))
    same(client.run("--metadata-url", f"file://{folder}", "refresh"), 1, "status")
    client.tells("longer than the 65536 bytes")
    # Also when it names this machine, and quotes.
    odd = os.path.join(place.state, "a b?#é%")
    os.rename(folder, odd)
    with open(os.path.join(odd, "timestamp.json"), "wb") as file:
        file.write(repo.metadata("timestamp"))
    quoted = urllib.parse.quote(odd)
    for url in f"file://localhost{quoted}", f"file:{quoted}/", f"FILE://{quoted}":
        same(client.run("--metadata-url", url, "refresh"), 0, client.said)
    for url in f"file://elsewhere{quoted}", f"file://{odd}", f"file://{quoted}%00", "file:relative":
        same(client.run("--metadata-url", url, "refresh"), 1, url)
        client.tells("no URL of a file of this machine")


@each([("a FIFO", os.mkfifo, "not a regular file"),
       ("a device", lambda path: os.symlink("/dev/zero", path), "not a regular file"),
       ("a folder", os.mkdir, "not a regular file"),
       ("what links to itself", lambda path: os.symlink(path, path), "Too many levels")])
def what_is_no_file_in_a_directory_neither_hangs_nor_ends_the_chain(place, make, words):
    _, client = place.begin()
    folder = os.path.join(place.state, "repo")
    os.mkdir(folder)
    make(os.path.join(folder, "2.root.json"))
    same(client.run("--metadata-url", f"file://{folder}", "refresh"), 1, client.said)
    client.tells("graft-tuf: root: file://", words)


@test
def a_certificate_of_nobody_is_refused(place):
    _, client = place.begin()
    names = [os.path.join(place.state, name) for name in ("key.pem", "certificate.pem")]
    if not shutil.which("openssl"):
        raise Skip("no openssl here")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-subj",
                    "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", names[0],
                    "-out", names[1]], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(names[1], names[0])
    server = Server()
    try:
        server.repo = place.server.repo
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = server.url("metadata").replace("http:", "https:")
        same(client.run("--metadata-url", url, "refresh"), 1, "status")
        client.tells("graft-tuf: root: https://", "certificate")
        same(server.repo.asked, [], "asked")
    finally:
        server.shutdown()
        server.server_close()
