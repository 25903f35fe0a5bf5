# SPDX-License-Identifier: Apache-2.0
"""The daemons of the storm, each with a pair of builds and with requests of which the
answer is known to the byte. Used by the suite storm and by the bench.

Where the archive has a pair that comes out as `hotpatch`, that is it. memcached's two
versions are the same code, and those of its libevent are `baseline`: its source is
compiled twice.
"""
import contextlib
import functools
import hashlib
import os
import shutil
import socket
import struct

import archive
import daemons
import sources
import victim
from load import Any, Load

# Of HTTP's Date.
DATE = Any(len("Thu, 01 Jan 1970 00:00:00 GMT"))


@functools.lru_cache(maxsize=None)
def own_pair(package):
    """The two .deb files of a package."""
    return [archive.download(package, version) for version in archive.pair(package)]


@functools.lru_cache(maxsize=None)
def surroundings(deb):
    """The unpacked package, and an environment in which its programs run."""
    root = archive.unpack(deb)
    return root, archive.environment(archive.library_folders(root) + archive.libraries(deb))


class Storm:
    """What a daemon of the storm has beside those of daemons.py."""

    # The file whose verdict counts, as a part of its path.
    module = None
    pair_is = "the archive's"

    @classmethod
    def make(cls, work, side=0):
        """The pair (two files or packages) and a daemon of the old one, or the new one."""
        pair = own_pair(cls.package)
        return pair, cls(*surroundings(pair[side]), work)

    def talks(self):
        """What clients say and hear; see Load."""
        raise NotImplementedError

    def load(self, rate=0):
        return Load(self.talks(), rate)

    def check_state(self, new):
        """Whether it does what OLD or NEW does, where that can be told from outside."""


class Redis(Storm, daemons.Redis):
    module = "/redis-check-aof"

    def talks(self):
        def say(*words):
            return b"*%d\r\n" % len(words) + b"".join(
                b"$%d\r\n%s\r\n" % (len(word), word) for word in words)

        value = b"v" * 100
        bulk = b"$100\r\n" + value + b"\r\n"
        once = [(say(b"SET", b"k", value), b"+OK\r\n"),
                (say(b"HSET", b"h", b"f", value), Any(4)),
                (say(b"ZADD", b"z", b"1", b"m"), Any(4))]
        loop = [(say(b"SET", b"k", value), b"+OK\r\n"),
                (say(b"GET", b"k"), bulk),
                (say(b"HGET", b"h", b"f"), bulk),
                (say(b"ZRANGE", b"z", b"0", b"-1"), b"*1\r\n$1\r\nm\r\n"),
                (say(b"EVAL", b"return redis.call('GET', KEYS[1])", b"1", b"k"), bulk),
                (say(b"MGET", b"k", b"none"), b"*2\r\n" + bulk + b"$-1\r\n"),
                (say(b"PING"), b"+PONG\r\n")]
        return [(self.port, 20, False, once, loop)]


class Haproxy(Storm, daemons.Haproxy):
    module = "/usr/sbin/haproxy"

    def talks(self):
        question = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        answer = (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n"
                  b"content-type: text/plain\r\n\r\npage")
        return [(self.port, 16, False, [], [(question, answer)])]


class Nginx(Storm, daemons.Nginx):
    """nginx with its module for mail, of which the archive has a pair that is a
    `hotpatch`; that of the program is `baseline`. The sessions ask nginx itself whether
    somebody may log in: HTTP is served by the same workers."""

    module = "/ngx_mail_module.so"
    mail_package = "libnginx-mod-mail"

    def __init__(self, root, env, work, mail):
        super().__init__(root, env, work)
        self.mail, self.smtp, self.pop = mail, daemons.free_port(), daemons.free_port()

    @classmethod
    def make(cls, work, side=0):
        pair = own_pair(cls.mail_package)
        # A module is loaded only by the version of the program that it was built for.
        deb = archive.download(cls.package, archive.pair(cls.mail_package)[side])
        return pair, cls(*surroundings(deb), work, archive.unpack(pair[side]))

    def command(self):
        command = super().command()
        with open(command[-1], "r+", encoding="utf-8") as file:
            text = file.read()
            # By itself it closes connections after so many requests, or 60 seconds.
            text = text.replace('return 200 "page";', """keepalive_requests 1000000000;
location / { return 200 "page"; }
location /auth { add_header Auth-Status "No such user"; return 204; } """)
            file.seek(0)
            file.write(f"""load_module {self.mail}/usr/lib/nginx/modules/ngx_mail_module.so;
{text}
mail {{ server_name storm; timeout 1d; auth_http 127.0.0.1:{self.port}/auth;
server {{ listen 127.0.0.1:{self.smtp}; protocol smtp; }}
server {{ listen 127.0.0.1:{self.pop}; protocol pop3; }} }}
""")
        return command

    def talks(self):
        page = (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                [b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: ", DATE,
                 b"\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n"
                 b"Connection: keep-alive\r\n\r\npage"])
        smtp = [(b"NOOP\r\n", b"250 2.0.0 OK\r\n"), (b"RSET\r\n", b"250 2.0.0 OK\r\n")]
        # Once: nginx keeps the name of each HELO until the session ends, which these do not.
        hello = [(b"", b"220 storm ESMTP ready\r\n"), (b"HELO storm\r\n", b"250 storm\r\n")]
        pop = [(b"USER somebody\r\n", b"+OK\r\n"), (b"PASS secret\r\n", b"-ERR No such user\r\n")]
        return [(self.port, 8, False, [], [page]),
                (self.smtp, 8, False, hello, smtp),
                (self.pop, 4, True, [(b"", b"+OK POP3 ready\r\n")], pop)]


class Memcached(Storm, daemons.Daemon):
    """memcached from the archive's source, compiled twice: NEW refuses keys with a
    control character that OLD lets pass."""

    package, program, name = "memcached", "memcached", "memcached"
    module = "/memcached"
    pair_is = "compiled from the archive's source"
    was = "if (nkey > KEY_MAX_LENGTH) {"
    now = "if (nkey > KEY_MAX_LENGTH || memchr(key, 0x7f, nkey)) {"

    @classmethod
    def make(cls, work, side=0):
        key = hashlib.sha256((cls.was + cls.now).encode()).hexdigest()[:8]
        folder = os.path.join(archive.CACHE, f"memcached-{key}")
        if not os.path.isdir(folder):
            cls.build(f"{work}/pair")
            shutil.rmtree(f"{work}/pair/source")
            shutil.move(f"{work}/pair", folder)
        found = [f"{folder}/{which}/memcached" for which in ("old", "new")]
        event = archive.unpack(archive.download("libevent-2.1-7"))
        return found, cls(found[side], archive.environment(archive.library_folders(event)), work)

    @classmethod
    def build(cls, into):
        """Compile it, change one file, compile that again."""
        tree = sources.fetch("memcached", archive.versions("memcached")[0])
        event = archive.unpack(archive.download("libevent-dev"))
        library = archive.library_folders(archive.unpack(archive.download("libevent-2.1-7")))[0]
        folder = f"{into}/source"
        shutil.copytree(tree, folder)
        options = ["CFLAGS=-O2 -pthread", f"CPPFLAGS=-I{event}/usr/include",
                   f"LDFLAGS=-L{folder}/lib -Wl,--build-id"]
        os.makedirs(f"{folder}/lib")
        for name in "libevent.so", "libevent-2.1.so.7":
            os.symlink(f"{library}/libevent-2.1.so.7", f"{folder}/lib/{name}")
        cls.run(["./configure", "--disable-docs", "--disable-dependency-tracking",
                 *options], folder, LD_LIBRARY_PATH=f"{folder}/lib")
        for which in "old", "new":
            cls.run(["make", "-j2", "memcached"], folder)
            os.makedirs(f"{into}/{which}")
            cls.run(["strip", "-o", f"{into}/{which}/memcached", "memcached"], folder)
            with open(f"{folder}/proto_text.c", "r+", encoding="utf-8") as file:
                text = file.read()
                victim.check(which == "new" or cls.was in text, "the source is another one")
                file.seek(0)
                file.write(text.replace(cls.was, cls.now))
                file.truncate()

    @staticmethod
    def run(command, folder, **env):
        done = archive.run(command, cwd=folder, env=dict(os.environ, **env))
        if done.returncode:
            raise daemons.Failed(f"{command[0]}: {done.stdout[-300:]}{done.stderr[-300:]}")

    def command(self):
        return [self.root, "-l", "127.0.0.1", "-p", str(self.port), "-U", "0", "-u", "root",
                "-t", "4"]

    def ask(self, question):
        with socket.create_connection(("127.0.0.1", self.port), 10) as client:
            client.settimeout(10)
            client.sendall(question)
            return client.recv(1000)

    def request(self):
        got = self.ask(b"get none\r\n")
        if got != b"END\r\n":
            raise daemons.Failed(f"memcached answered {got!r}")

    def check_state(self, new):
        want = b"CLIENT_ERROR bad command line format\r\n" if new else b"END\r\n"
        victim.same(self.ask(b"get a\x7fb\r\n"), want, "the answer to a bad key")

    def talks(self):
        value = b"v" * 100
        once = [(b"set k 7 0 100\r\n" + value + b"\r\n", b"STORED\r\n")]
        found = b"VALUE k 7 100\r\n" + value + b"\r\n"
        loop = [*once, (b"get k\r\n", found + b"END\r\n"), (b"get none\r\n", b"END\r\n"),
                (b"get k none k\r\n", found + found + b"END\r\n"),
                (b"get " + b"a" * 251 + b"\r\n", b"CLIENT_ERROR bad command line format\r\n"),
                (b"delete none\r\n", b"NOT_FOUND\r\n"), (b"touch k 0\r\n", b"TOUCHED\r\n")]
        return [(self.port, 20, False, once, loop)]


class Postgres(Storm, daemons.Daemon):
    """PostgreSQL with its module seg, which all its processes map. One of the module's
    functions changed, that which writes a value as text; the program is `baseline`."""

    package, program, name = "postgresql-15", "usr/lib/postgresql/15/bin/postgres", "postgres"
    module = "/seg.so"
    # Nobody: it does not run as root.
    user = 65534

    @classmethod
    def make(cls, work, side=0):
        debs = own_pair(cls.package)
        pair = [f"{archive.unpack(deb)}/usr/lib/postgresql/15/lib/seg.so" for deb in debs]
        return pair, cls(*surroundings(debs[side]), work)

    def as_nobody(self, *command):
        return (["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"]
                if os.getuid() == 0 else []) + list(command)

    def command(self):
        os.chmod(self.work, 0o755)
        data = f"{self.work}/data"
        if not os.path.isdir(data):
            os.mkdir(data)
            if os.getuid() == 0:
                os.chown(data, self.user, self.user)
            binaries = os.path.dirname(f"{self.root}/{self.program}")
            made = archive.run(
                self.as_nobody(f"{binaries}/initdb", "-D", data, "-A", "trust", "-U", "storm",
                               "--no-locale", "-N"), env=self.env, cwd=self.work)
            if made.returncode:
                raise daemons.Unable(f"initdb: {made.stdout[-300:]}{made.stderr[-300:]}")
            # So that its functions are there when the server is.
            script = "".join(self.sql())
            made = archive.run(
                self.as_nobody(f"{self.root}/{self.program}", "--single", "-j", "-D", data,
                               "postgres"), env=self.env, cwd=self.work, input=script)
            if made.returncode or "ERROR" in made.stderr:
                raise daemons.Failed(f"postgres --single: {made.stderr[-600:]}")
        options = {"shared_preload_libraries": "seg", "fsync": "off", "autovacuum": "off",
                   "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
                   "port": self.port, "jit": "off", "max_parallel_workers": 0}
        return self.as_nobody(f"{self.root}/{self.program}", "-D", data, *(
            f"-c{name}={value}" for name, value in options.items()))

    @staticmethod
    def sql():
        return ["CREATE EXTENSION seg;\n\n", "CREATE TABLE size (s seg);\n\n",
                "INSERT INTO size VALUES ('1.50'), ('2 .. 3'), ('<4.0'), ('5(+-)0.5');\n\n"]

    def pids(self):
        """Each is in a session of its own: they are known by their parent."""
        return [self.popen.pid, *victim.children_of(self.popen.pid)]

    @staticmethod
    def message(kind, body):
        return kind + struct.pack(">i", len(body) + 4) + body

    def hello(self):
        body = struct.pack(">i", 3 << 16) + b"user\0storm\0database\0postgres\0\0"
        return struct.pack(">i", len(body) + 4) + body

    def read(self, client):
        """The messages of an answer to its end."""
        got = []
        with client.makefile("rb") as stream:
            while not got or got[-1][0] != b"Z":
                head = stream.read(5)
                if len(head) < 5:
                    raise OSError("postgres closed the connection")
                got.append((head[:1], stream.read(struct.unpack(">i", head[1:])[0] - 4)))
        return got

    @contextlib.contextmanager
    def session(self):
        """A connection, and what the server says to it first."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as client:
            client.settimeout(10)
            client.sendall(self.hello())
            yield client, self.read(client)

    def request(self):
        with self.session() as (client, _):
            client.sendall(self.message(b"Q", b"SELECT 6 * 7\0"))
            got = self.read(client)
        if (b"D", b"\0\1\0\0\0\x0242") not in got:
            if got[0][0] == b"E":
                raise OSError(f"postgres answered {got[0][1]!r}")
            raise daemons.Failed(f"postgres answered {got!r}")

    def talks(self):
        """What it says first is asked for once; of its answers the rows are known, and
        their description is what it said before."""
        loop = []
        with self.session() as (client, first):
            # The key of the session, and its number, are another one each time.
            hello = [self.message(kind, body) if kind != b"K" else [b"K\0\0\0\x0c", Any(8)]
                     for kind, body in first]
            for query, rows in (
                    (b"SELECT s FROM size", [b"1.50", b"2 .. 3", b"<4.0", b"4.5 .. 5.5"]),
                    (b"SELECT max(s::text) FROM size", [b"<4.0"]),
                    (b"SELECT seg_union(s, '9') FROM size WHERE s = '1.50'",
                     [b"1.50 .. 9"])):
                question = self.message(b"Q", query + b"\0")
                client.sendall(question)
                answer = self.read(client)
                got = [body[6:] for kind, body in answer if kind == b"D"]
                victim.same(got, rows, query.decode())
                loop.append((question, b"".join(self.message(*one) for one in answer)))
        pieces = []
        for piece in hello:
            pieces += piece if isinstance(piece, list) else [piece]
        return [(self.port, 6, False, [(self.hello(), pieces)], loop)]


ALL = [Redis, Haproxy, Nginx, Postgres, Memcached]
