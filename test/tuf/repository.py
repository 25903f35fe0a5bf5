# SPDX-License-Identifier: Apache-2.0
"""A repository of The Update Framework, and a server on loopback that has one for each test.

What is said (`repo.root`, `repo.says["role"]`) can be changed as a test likes; it is served
when it was published, signed by `repo.keys["role"]`.
"""
import datetime
import hashlib
import http.server
import json
import threading
import urllib.parse

from keys import Key, canonical

TOP = ["root", "targets", "snapshot", "timestamp"]


def days(count):
    """A time so many days from now."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now + datetime.timedelta(days=count)).strftime("%Y-%m-%dT%H:%M:%SZ")


def wrapped(says, keys):
    """Bytes of a file: what it says, and signatures."""
    data = canonical(says).encode()
    return json.dumps({"signatures": [{"keyid": k.id, "sig": k.sign(data)} for k in keys],
                       "signed": says}, indent=1).encode()


class Repository:
    def __init__(self, consistent=True):
        self.says, self.keys, self.published = {}, {}, {}
        self.with_hashes = False
        self.artifacts = {}
        # What was asked for: ("root", 2), ("timestamp", None); ("a/b", HASH).
        self.asked, self.asked_targets = [], []
        # Path to a function that answers instead: it gets the request's handler.
        self.instead = {}
        for role in TOP:
            self.says[role] = {"_type": role, "spec_version": "1.0.31", "version": 1,
                               "expires": days(30)}
        self.root.update(keys={}, consistent_snapshot=consistent,
                         roles={role: {"keyids": [], "threshold": 1} for role in TOP})
        self.says["targets"]["targets"] = {}
        self.says["snapshot"]["meta"] = {}
        self.says["timestamp"]["meta"] = {}
        for role in TOP:
            self.add_key(role)
        self.publish("targets", "snapshot", "timestamp", "root")

    root = property(lambda self: self.says["root"])

    def add_key(self, role, key=None, delegator="root", signs=True):
        """Have a key for a role, and sign with it."""
        key = key or Key()
        if delegator == "root":
            keys, of = self.root["keys"], self.root["roles"][role]
        else:
            delegations = self.says[delegator]["delegations"]
            keys = delegations["keys"]
            of = next(r for r in delegations["roles"] if r["name"] == role)
        keys[key.id] = key.public
        of["keyids"].append(key.id)
        if signs:
            self.keys.setdefault(role, []).append(key)
        return key

    def rotate(self, role):
        self.root["roles"][role]["keyids"].clear()
        self.keys[role].clear()
        for _ in range(self.root["roles"][role]["threshold"]):
            self.add_key(role)

    def measure(self, data):
        return {"length": len(data), "hashes": {"sha256": hashlib.sha256(data).hexdigest()}}

    def publish(self, *roles):
        """Serve a new version of roles; what lists them says so, and is to be published after."""
        for role in roles:
            says = self.says[role]
            if role in self.published:
                says["version"] += 1
            data = wrapped(says, self.keys[role])
            self.published.setdefault(role, []).append(data)
            entry = {"version": says["version"], **(self.measure(data) if self.with_hashes else {})}
            if role == "snapshot":
                self.says["timestamp"]["meta"]["snapshot.json"] = entry
            elif role not in ("root", "timestamp"):
                self.says["snapshot"]["meta"][f"{role}.json"] = entry

    def delegate(self, delegator, name, paths=("*",), terminating=False, key=None, **more):
        """Add a delegation, and the role if it is new."""
        delegations = self.says[delegator].setdefault("delegations", {"keys": {}, "roles": []})
        delegations["roles"].append({"name": name, "keyids": [], "threshold": 1,
                                     "terminating": terminating,
                                     **(more or {"paths": list(paths)})})
        if name not in self.says:
            self.says[name] = {"_type": "targets", "spec_version": "1.0.31", "version": 1,
                               "expires": days(30), "targets": {}}
        self.add_key(name, key, delegator)

    def add_target(self, role, path, data, kinds=("sha256",)):
        self.says[role]["targets"][path] = {
            "length": len(data), "hashes": {k: hashlib.new(k, data).hexdigest() for k in kinds}}
        self.artifacts[path] = data

    # --- What is served ---

    def metadata(self, role, version=None):
        all_of = self.published.get(role, [])
        if version is None:
            return all_of[-1] if all_of else None
        return all_of[version - 1] if 1 <= version <= len(all_of) else None

    def serve(self, path):
        """Get the bytes of a path, or None; and write down that it was asked for."""
        if path.startswith("metadata/") and path.endswith(".json"):
            name = path[len("metadata/"):-len(".json")]
            version = None
            if name.endswith(".root") or (self.root["consistent_snapshot"] and name != "timestamp"):
                version, _, name = name.partition(".")
                version = int(version)
            self.asked.append((name, version))
            return self.metadata(urllib.parse.unquote(name), version)
        if not path.startswith("targets/"):
            return None
        folder, slash, name = path[len("targets/"):].rpartition("/")
        prefix = None
        if self.root["consistent_snapshot"]:
            prefix, _, name = name.partition(".")
        target = urllib.parse.unquote(folder + slash + name)
        self.asked_targets.append((target, prefix))
        return self.artifacts.get(target)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two packets, and the second does not wait for an answer to the first.
    disable_nagle_algorithm = True

    def do_GET(self):
        path = self.path.lstrip("/")
        repo = self.server.repo
        special = repo.instead.get(path)
        if special:
            special(self)
            return
        data = repo.serve(path)
        if data is None:
            self.send_error(404)
            return
        self.send(data)

    def send(self, data, length=None):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repo = None
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, *_):
        """A client that goes away in the middle is what some tests are about."""

    def url(self, path=""):
        return f"http://127.0.0.1:{self.server_port}/{path}"
