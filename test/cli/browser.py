# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven through a pipe (Chrome DevTools Protocol)."""
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from stage import Skip, check

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--remote-debugging-pipe"]


class Browser:
    """One page; `requests` and `dialogs` are all that it asked for and said."""

    def __init__(self):
        program = shutil.which("chromium")
        if not program:
            raise Skip("there is no chromium")
        self.home = tempfile.mkdtemp(prefix="graft-browser.")
        to_read, self.write = os.pipe()
        self.read, to_write = os.pipe()

        # The browser reads descriptor 3 and writes 4; ours may be those.
        ends = [fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for fd in (to_read, to_write)]

        def connect():
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={self.home}", "about:blank"],
            preexec_fn=connect, pass_fds=(3, 4), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        for fd in (to_read, to_write, *ends):
            os.close(fd)
        self.rest = b""
        self.number = 0
        self.session = None
        self.forget()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def forget(self):
        self.requests, self.dialogs, self.errors, self.loads = [], [], [], 0

    def take(self, seconds):
        """Get the next message."""
        end = time.monotonic() + seconds
        while b"\0" not in self.rest:
            left = end - time.monotonic()
            check(left > 0 and select.select([self.read], [], [], left)[0],
                  "the browser says nothing")
            more = os.read(self.read, 1 << 20)
            check(more, "the browser is gone")
            self.rest += more
        line, self.rest = self.rest.split(b"\0", 1)
        message = json.loads(line)
        method = message.get("method")
        if method == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(message["params"]["message"])
            self.send("Page.handleJavaScriptDialog", accept=True)
        elif method == "Runtime.exceptionThrown":
            self.errors.append(message["params"]["exceptionDetails"]["text"])
        elif method == "Page.loadEventFired":
            self.loads += 1
        return message

    def send(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        return self.number

    def call(self, method, seconds=40, **params):
        number = self.send(method, **params)
        while True:
            message = self.take(seconds)
            if message.get("id") == number:
                check("result" in message, f"{method}: {message.get('error')}")
                return message["result"]

    def open(self, path, fragment=""):
        self.forget()
        self.call("Page.navigate", url=f"file://{path}{fragment}")
        while not self.loads:
            self.take(40)
        # What a page starts when it is loaded comes a moment later.
        self.ask("new Promise((done) => setTimeout(done, 300))")

    def ask(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        check("exceptionDetails" not in result, f"{expression}: {result}")
        return result["result"].get("value")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.session = None
            self.send("Browser.close")
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            os.killpg(self.process.pid, 9)
            self.process.wait()
        os.close(self.read)
        os.close(self.write)
        shutil.rmtree(self.home, ignore_errors=True)
