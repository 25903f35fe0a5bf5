# SPDX-License-Identifier: Apache-2.0
"""Daemons on loopback, each with a way to ask it something and to put it under
load. Used by the suites archive and daemons, and by the demo.

A daemon runs from the folder that its package was unpacked into, in a session of
its own, writes into the work folder only, and ends with its context.
"""
import contextlib
import ctypes
import os
import re
import signal
import socket
import subprocess
import threading
import time


class Failed(Exception):
    """A daemon does not do what it should."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    """In the child: end when this program is killed."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def end_session(popen):
    """End a daemon that this program started, and its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(popen.pid, signal.SIGTERM)
    try:
        popen.wait(5)
    except subprocess.TimeoutExpired:
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(popen.pid, signal.SIGKILL)
    popen.wait()


class Unable(Exception):
    """This machine does not allow what the daemon needs."""


class Load:
    """Requests in the background until finish()."""

    def __init__(self):
        self.served = self.failed = 0
        self.why = ""
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.threads = []

    def begin(self, function, count=1):
        for _ in range(count):
            thread = threading.Thread(target=self.repeat, args=(function,), daemon=True)
            thread.start()
            self.threads.append(thread)
        return self

    def repeat(self, function):
        while not self.stop.is_set():
            try:
                count = function() or 1
                with self.lock:
                    self.served += count
            except (Failed, OSError, subprocess.SubprocessError) as failure:
                with self.lock:
                    self.failed += 1
                    self.why = self.why or str(failure)

    def finish(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)
        return self


class Daemon:
    """A running daemon; make one with start()."""

    # The package, the program's path in it, and what people call it.
    package = program = name = None
    # Whether it has more processes than the first that stay.
    many = False

    def __init__(self, root, env, work):
        self.root, self.env, self.work = root, env, work
        self.port = free_port()
        self.popen = None

    def command(self):
        raise NotImplementedError

    def spawn(self):
        with open(f"{self.work}/daemon.log", "ab") as log:
            self.popen = subprocess.Popen(
                self.command(), env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, cwd=self.work,
                preexec_fn=die_with_parent)
        for _ in range(100):
            if self.popen.poll() is not None:
                break
            try:
                self.request()
                return
            except OSError:
                time.sleep(0.1)
        self.end()
        with open(f"{self.work}/daemon.log", encoding="utf-8", errors="replace") as log:
            said = log.read()[-400:]
        if said.startswith(("unshare:", "mount:")):
            raise Unable(said.strip())
        raise Failed(f"{self.name} does not start: {said}")

    def end(self):
        end_session(self.popen)

    def pids(self):
        """Its processes, the first one first."""
        if not self.many:
            return [self.popen.pid]
        found = []
        for name in os.listdir("/proc"):
            with contextlib.suppress(OSError, ValueError):
                if name.isdigit() and os.getpgid(int(name)) == self.popen.pid:
                    found.append(int(name))
        return sorted(found, key=lambda pid: (pid != self.popen.pid, pid))

    def request(self):
        """Ask once; Failed if the answer is wrong, OSError if there is none."""
        raise NotImplementedError

    def load(self):
        """Begin to ask all the time."""
        return Load().begin(self.request, 4)

    def exchange(self, question, port=None):
        """Send bytes and read the answer to its end."""
        with socket.create_connection(("127.0.0.1", port or self.port), 10) as client:
            client.settimeout(10)
            client.sendall(question)
            got = b""
            while piece := client.recv(4096):
                got += piece
        return got

    @contextlib.contextmanager
    def start(self):
        self.spawn()
        try:
            yield self
        finally:
            self.end()


class Web(Daemon):
    """Whatever answers HTTP."""

    path = "/"

    def request(self):
        got = self.exchange(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n"
                            "Connection: close\r\n\r\n".encode())
        if not got.startswith(b"HTTP/1.1 200"):
            raise Failed(f"{self.name} answered {got[:60]!r}")

    def load(self):
        return Load().begin(self.wrk)

    def wrk(self):
        done = subprocess.run(
            ["wrk", "-t1", "-c16", "-d2", f"http://127.0.0.1:{self.port}{self.path}"],
            capture_output=True, text=True, timeout=30, check=False)
        served = re.search(r"(\d+) requests in", done.stdout)
        bad = re.findall(r"Socket errors:.*|Non-2xx.*", done.stdout)
        if not served or bad or done.returncode:
            raise Failed(f"wrk: {'; '.join(bad) or done.stdout + done.stderr}")
        return int(served[1])


class Redis(Daemon):
    # One file with three names; the package of the server holds a link to it.
    package, program, name = "redis-tools", "usr/bin/redis-check-aof", "redis-server"

    def command(self):
        # It looks at the name that it is called by.
        name = f"{self.work}/redis-server"
        if not os.path.islink(name):
            os.symlink(f"{self.root}/{self.program}", name)
        return [name, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--dir", self.work]

    def request(self):
        with socket.create_connection(("127.0.0.1", self.port), 10) as client:
            client.settimeout(10)
            client.sendall(b"PING\r\n")
            got = client.recv(100)
        if got != b"+PONG\r\n":
            raise Failed(f"redis answered {got!r}")

    def load(self):
        return Load().begin(self.benchmark)

    def benchmark(self):
        count = 20000
        done = subprocess.run(
            ["redis-benchmark", "-p", str(self.port), "-q", "-c", "20", "-n",
             str(count), "-t", "set,get,lpush"],
            capture_output=True, text=True, timeout=60, check=False)
        if done.returncode or "rror" in done.stdout + done.stderr:
            raise Failed(f"redis-benchmark: {done.stdout[-200:]} {done.stderr[-200:]}")
        return 3 * count


class Nginx(Web):
    package, program, name = "nginx", "usr/sbin/nginx", "nginx"
    many = True

    def command(self):
        config = f"{self.work}/nginx.conf"
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"""daemon off; pid {self.work}/nginx.pid;
error_log {self.work}/error.log; worker_processes 2; user root;
events {{ worker_connections 256; }}
http {{ access_log off; client_body_temp_path {self.work}/b;
proxy_temp_path {self.work}/p; fastcgi_temp_path {self.work}/f;
uwsgi_temp_path {self.work}/u; scgi_temp_path {self.work}/s;
server {{ listen 127.0.0.1:{self.port}; return 200 "page"; }} }}
""")
        return [f"{self.root}/{self.program}", "-p", self.work, "-c", config]


class Haproxy(Web):
    package, program, name = "haproxy", "usr/sbin/haproxy", "haproxy"

    def command(self):
        config = f"{self.work}/haproxy.cfg"
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"""defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 10s
frontend f
  bind 127.0.0.1:{self.port}
  http-request return status 200 content-type text/plain string page
""")
        return [f"{self.root}/{self.program}", "-db", "-f", config]


class Sslh(Daemon):
    """sslh in front of a small echo server in this process."""

    package, program, name = "sslh", "usr/sbin/sslh-select", "sslh-select"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.backend = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                with self.backend.accept()[0] as peer:
                    peer.settimeout(10)
                    with contextlib.suppress(OSError):
                        if peer.recv(1000).startswith(b"GET"):
                            peer.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")
                        peer.shutdown(socket.SHUT_WR)
                        peer.recv(1000)

    def end(self):
        super().end()
        self.backend.close()

    def command(self):
        target = self.backend.getsockname()[1]
        return [f"{self.root}/{self.program}", "-f", "-n", "-u", "root",
                "-p", f"127.0.0.1:{self.port}", "--http", f"127.0.0.1:{target}",
                "-P", f"{self.work}/sslh.pid"]

    def load(self):
        # One at a time: sslh-select loses answers of connections that it serves
        # at once, whatever is done to it.
        return Load().begin(self.request, 1)

    def request(self):
        got = self.exchange(b"GET / HTTP/1.0\r\n\r\n")
        if not got.endswith(b"hello"):
            raise Failed(f"sslh passed {got!r}")


class Xrdp(Daemon):
    package, program, name = "xrdp", "usr/sbin/xrdp", "xrdp"

    def command(self):
        config = f"{self.work}/xrdp.ini"
        with open(f"{self.root}/etc/xrdp/xrdp.ini", encoding="utf-8") as file:
            text = file.read()
        for was, now in ((r"^port=3389", f"port=tcp://127.0.0.1:{self.port}"),
                         (r"^security_layer=.*", "security_layer=rdp"),
                         (r"^LogFile=.*", f"LogFile={self.work}/xrdp.log"),
                         (r"^EnableSyslog=.*", "EnableSyslog=false"),
                         (r"^fork=.*", "fork=false")):
            text = re.sub(was, now, text, count=1, flags=re.M)
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)
        # Its keys have to be in /etc/xrdp: it gets an /etc of its own.
        etc = f"{self.work}/etc"
        os.makedirs(f"{etc}/xrdp", exist_ok=True)
        subprocess.run([f"{self.root}/usr/bin/xrdp-keygen", "xrdp",
                        f"{etc}/xrdp/rsakeys.ini"], env=self.env, check=True,
                       stdout=subprocess.DEVNULL)
        mount = (f"mount -t overlay -o lowerdir={etc}:{self.root}/etc:/etc none /etc"
                 f" && exec {self.root}/{self.program} --nodaemon --config {config}")
        return ["unshare", "--mount", "sh", "-c", mount]

    def request(self):
        # The first message of RDP (X.224 connection request), and its answer.
        with socket.create_connection(("127.0.0.1", self.port), 10) as client:
            client.settimeout(10)
            client.sendall(bytes.fromhex("030000130ee000000000000100080000000000"))
            got = client.recv(100)
        if got[:2] != b"\3\0" or len(got) < 7 or got[5] != 0xD0:
            raise Failed(f"xrdp answered {got!r}")


class Sshd(Daemon):
    """sshd, with logins all the time and a session that stays open meanwhile."""

    package, program, name = "openssh-server", "usr/sbin/sshd", "sshd"

    def __init__(self, root, env, work, client, client_env):
        super().__init__(root, env, work)
        # The folder of an unpacked openssh-client.
        self.client, self.client_env = client, client_env
        self.session = None
        self.lock = threading.Lock()

    def make_key(self, name):
        subprocess.run([f"{self.client}/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                        "-f", f"{self.work}/{name}"], env=self.client_env, check=True,
                       stdin=subprocess.DEVNULL)

    def command(self):
        self.make_key("host")
        self.make_key("login")
        with open(f"{self.work}/config", "w", encoding="utf-8") as file:
            file.write(f"""ListenAddress 127.0.0.1:{self.port}
HostKey {self.work}/host
AuthorizedKeysFile {self.work}/login.pub
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PidFile none
""")
        # The user and the folder that it wants are in a mount namespace of its own.
        with open("/etc/passwd", encoding="utf-8") as file:
            users = [line for line in file if not line.startswith("sshd:")]
        with open(f"{self.work}/passwd", "w", encoding="utf-8") as file:
            file.writelines([*users, "sshd:x:499:65534::/run/sshd:/usr/sbin/nologin\n"])
        mount = (f"mount --bind {self.work}/passwd /etc/passwd && mount -t tmpfs none /run"
                 f" && mkdir -m 755 /run/sshd"
                 f" && exec {self.root}/{self.program} -D -e -f {self.work}/config")
        return ["unshare", "--mount", "sh", "-c", mount]

    def login(self, command, **more):
        return subprocess.Popen(
            [f"{self.client}/usr/bin/ssh", "-F", "none", "-p", str(self.port), "-i",
             f"{self.work}/login", "-o", "StrictHostKeyChecking=no", "-o",
             "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
             "root@127.0.0.1", command], env=self.client_env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def request(self):
        with socket.create_connection(("127.0.0.1", self.port), 10):
            pass
        with self.login("echo $((6 * 7))", stdin=subprocess.DEVNULL) as ssh:
            said, wrong = ssh.communicate(timeout=30)
        if said != "42\n":
            raise Failed(f"the login answered {said!r} {wrong!r}")

    def talk(self):
        """A line to the open session and back."""
        with self.lock:
            self.session.stdin.write("still here\n")
            self.session.stdin.flush()
            got = self.session.stdout.readline()
        if got != "still here\n":
            raise Failed(f"the open session answered {got!r}")
        time.sleep(0.02)

    def load(self):
        self.session = self.login("cat", stdin=subprocess.PIPE)
        self.talk()
        return Load().begin(self.request, 1).begin(self.talk, 1)

    def pids(self):
        """The one that listens, and the one that serves the open session."""
        first = self.popen.pid
        with open(f"/proc/{first}/task/{first}/children", encoding="ascii") as file:
            children = [int(word) for word in file.read().split()]
        # The oldest: the logins come and go.
        return [first, *sorted(children, key=started)[:1]]

    def end(self):
        if self.session:
            self.session.kill()
            self.session.communicate()
        super().end()


def started(pid):
    """When a process began, in ticks; late if it ended already."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[19])
    except OSError:
        return float("inf")


class Own(Web):
    """The repository's own server: `root` is the built program."""

    package, program, name = None, "server", "small server"
    path = "/echo/5/hello"

    def command(self):
        return [self.root, str(self.port), "2"]

    def leaks(self):
        """Whether it gives out the key that stands behind the request."""
        got = self.exchange(b"GET /echo/540/hello HTTP/1.1\r\nConnection: close\r\n"
                            b"\r\n")
        return b"session-key" in got


def build_own(source, work):
    """Compile the own server twice; the two programs."""
    found = []
    for name, flag in ("old", "-DFAULTY"), ("new", "-DFIXED"):
        program = f"{work}/server-{name}"
        subprocess.run(["cc", "-D_GNU_SOURCE", "-O2", flag, "-pthread",
                        "-Wl,--build-id", "-s", "-o", program, source], check=True)
        found.append(program)
    return found
