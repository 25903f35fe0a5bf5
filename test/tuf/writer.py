# SPDX-License-Identifier: Apache-2.0
"""A repository that `graft repo` writes, its keys, and clients that read it."""
import functools
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading

from independent import modules, node
from stage import BUILD, ENV, LIMIT, Skip, check, later, same

GRAFT = os.path.join(BUILD, "graft")
PASSPHRASE = "fünf Wörter, die niemand kennt"
KINDS = {"ed25519": ["-algorithm", "ed25519"],
         "ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
         "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]}


def openssl(*words, data=None):
    return subprocess.run(["openssl", *words], input=data, check=True, capture_output=True,
                          timeout=LIMIT).stdout


@functools.cache
def pem(name, kind, guarded):
    """A private key; one of a name is made once."""
    plain = openssl("genpkey", *KINDS[kind])
    if not guarded:
        return plain
    return openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", f"pass:{PASSPHRASE}", data=plain)


class Writer:
    """A folder with a repository, its keys and a client."""

    def __init__(self, place):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = place.state = tempfile.mkdtemp(prefix="graft-repo.", dir=memory)
        self.dir = self.path("repo")
        self.passphrases = self.write("passphrases", PASSPHRASE + "\n", 0o600)
        self.server = None
        self.env = {}

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        os.chmod(path, mode)
        return path

    def key(self, name, kind="ed25519", guarded=True):
        return self.write(f"keys/{name}.pem", pem(name, kind, guarded), 0o600)

    def public(self, name, kind="ed25519"):
        private = self.key(name, kind)
        return self.write(f"keys/{name}.pub", openssl("pkey", "-in", private, "-pubout", "-passin",
                                                      f"pass:{PASSPHRASE}"))

    def id(self, key):
        """The id of a key, as the root of a repository of its own calls it."""
        other = tempfile.mkdtemp(dir=self.folder)
        key = self.write("id.pub", openssl("pkey", *(["-pubin"] if key.endswith(".pub") else []), "-in", key,
                                           "-pubout", "-passin", f"pass:{PASSPHRASE}"))
        pub = [word for role in ("root", "targets") for word in ("--key", f"{role}={key}")]
        on = self.key("of-ids", guarded=False)
        self.run("init", *pub, "--key", f"snapshot={on}", "--key", f"timestamp={on}",
                 at=os.path.join(other, "r"))
        with open(os.path.join(other, "r/staged/metadata/root.json"), encoding="utf-8") as file:
            return json.load(file)["signed"]["roles"]["root"]["keyids"][0]

    def command(self, action, *words, at="", after=0):
        head = later(after)
        directory = [] if at is None else [at or self.dir]
        takes = action not in ("status", "list", "reset")
        return [*head, GRAFT, "repo", action, *directory, *words,
                *(["--passphrase-file", self.passphrases] if takes and "--passphrase-fd" not in words else [])]

    def run(self, action, *words, status=0, at="", after=0):
        """Do something; returns what it printed, or what was wrong."""
        done = subprocess.run(self.command(action, *words, at=at, after=after), env={**ENV, **self.env},
                              capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL,
                              check=False, start_new_session=True)
        same(done.returncode, status, f"graft repo {action}: {done.stdout}{done.stderr}")
        if status > 0:
            check(done.stderr.startswith("graft") and done.stderr.count("\n") == 1, done.stderr)
        check(PASSPHRASE not in done.stdout + done.stderr, "the passphrase was printed")
        return done.stderr if status else done.stdout

    def init(self, *words, kind="ed25519"):
        """Make one with a key for each role, and publish it."""
        self.online = self.key("online", kind, guarded=False)
        self.run("init", "--key", f"root={self.key('root', kind)}", "--key",
                 f"targets={self.key('targets', kind)}", "--key", f"snapshot={self.online}",
                 "--key", f"timestamp={self.online}", *words)
        self.publish()
        return self

    def publish(self, **more):
        return self.run("publish", "--key", self.online, **more)

    def add(self, path, data="content", key="targets", **more):
        return self.run("add", self.write("new", data), "--as", path, "--key", self.key(key), **more)

    def state(self, at="", **more):
        return json.loads(self.run("status", "--json", at=at, **more))

    def role(self, name):
        return next(r for r in self.state()["roles"] if r["name"] == name)

    def metadata(self, name, where="public", at=""):
        with open(os.path.join(at or self.dir, where, "metadata", name), encoding="utf-8") as file:
            return json.load(file)

    # --- Clients ---

    def client(self, name="client"):
        """A client that trusts the first root."""
        base = self.path(name)
        if not os.path.isdir(base):
            os.makedirs(os.path.join(base, "targets"))
            done = subprocess.run([os.path.join(BUILD, "graft-tuf"), "--metadata-dir",
                                   os.path.join(base, "metadata"), "init",
                                   os.path.join(self.dir, "public/metadata/1.root.json")],
                                  capture_output=True, text=True, check=False, timeout=LIMIT)
            same(done.returncode, 0, done.stderr)
        return base

    def fetch(self, *targets, name="client", status=0, after=0):
        """Have graft-tuf get targets; returns what was wrong."""
        base = self.client(name)
        head = later(after)
        words = [w for t in targets for w in ("--target-name", t)]
        more = ["--target-base-url", f"file://{self.dir}/public/targets", "--target-dir",
                os.path.join(base, "targets"), *words, "download"] if targets else ["refresh"]
        done = subprocess.run([*head, os.path.join(BUILD, "graft-tuf"), "--metadata-dir",
                               os.path.join(base, "metadata"), "--metadata-url",
                               f"file://{self.dir}/public/metadata", *more], env=ENV,
                              capture_output=True, text=True, timeout=LIMIT, check=False)
        same(done.returncode, status, done.stderr)
        return done.stderr

    def fetch_js(self, target=None, name="js", status=0):
        """The same with tuf-js, over HTTP; where it is. Without it graft-tuf alone says how it is."""
        try:
            modules()
        except Skip:
            return
        base = self.path(name)
        if not os.path.isdir(base):
            os.makedirs(os.path.join(base, "metadata"))
            os.makedirs(os.path.join(base, "targets"))
            shutil.copy(os.path.join(self.dir, "public/metadata/1.root.json"),
                        os.path.join(base, "metadata/root.json"))
        with serving(os.path.join(self.dir, "public")) as url:
            said = node("read.cjs", os.path.join(base, "metadata"), f"{url}/metadata",
                        os.path.join(base, "targets"), f"{url}/targets", *([target] if target else []))
        same(said[0], status, said[1])

    def both(self, *targets):
        """Both clients get targets."""
        self.fetch(*targets)
        for target in targets or [None]:
            self.fetch_js(target)


class serving:
    """A folder, served on loopback."""

    def __init__(self, folder):
        handler = type("Handler", (http.server.SimpleHTTPRequestHandler,),
                       {"log_message": lambda *_: None, "protocol_version": "HTTP/1.1"})
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(handler, directory=folder))
        self.server.daemon_threads = True

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
