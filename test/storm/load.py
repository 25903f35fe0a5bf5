# SPDX-License-Identifier: Apache-2.0
"""A load of which each answer is checked (client.c). Used by the suite storm and by
the bench."""
import json
import os
import subprocess

import archive
import daemons

HERE = os.path.dirname(os.path.abspath(__file__))


def compile_client():
    """The client, made anew if its source is newer; its path."""
    program = os.path.join(archive.BUILD, "test", "storm", "client")
    source = f"{HERE}/client.c"
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(program), exist_ok=True)
        subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-o", program, source],
                       check=True)
    return program


class Any(bytes):
    """Bytes of an answer of which only the number is known."""

    def __new__(cls, count):
        return super().__new__(cls, count)


def hex_of(pieces):
    """Bytes, or a list of them, as the client reads them."""
    pieces = [pieces] if isinstance(pieces, bytes) else pieces
    return "".join(".." * len(p) if isinstance(p, Any) else p.hex() for p in pieces) or "-"


class Load:
    """Clients that ask without end, until finish().

    Each of `talks` is (port, connections, whether it closes, once, loop): the steps that
    a connection does at its start and those that it repeats, as (question, answer).
    `rate` is how many requests a second each talk sends, 0: as many as it can."""

    def __init__(self, talks, rate=0):
        program = compile_client()
        self.served = self.failed = 0
        self.why = ""
        self.clients = []
        for port, connections, closes, once, loop in talks:
            steps = [f"once {hex_of(q)} {hex_of(a)}\n" for q, a in once]
            steps += [f"loop {hex_of(q)} {hex_of(a)}\n" for q, a in loop]
            client = subprocess.Popen(
                [program, str(port), str(connections), str(rate), "close" if closes else "again"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            client.stdin.write("".join(steps) + "\n")
            client.stdin.flush()
            self.clients.append(client)

    def look(self):
        """What each client saw since the last look."""
        seen = []
        for client in self.clients:
            client.stdin.write("\n")
            client.stdin.flush()
        for client in self.clients:
            line = client.stdout.readline()
            if not line:
                raise daemons.Failed(f"the client ended with {client.wait()}")
            seen.append(json.loads(line))
            self.served += seen[-1]["served"]
            self.failed += seen[-1]["failed"]
            self.why = self.why or seen[-1]["why"]
        return seen

    def finish(self):
        """The end; says of each client what it saw since the last look."""
        try:
            return self.look()
        finally:
            self.kill()

    def kill(self):
        for client in self.clients:
            client.kill()
            client.communicate()
        self.clients = []
