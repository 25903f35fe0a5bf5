# SPDX-License-Identifier: Apache-2.0
"""`graft repo` with keys in a token: SoftHSM, by PKCS#11."""
import glob
import json
import os
import shutil
import subprocess

from stage import ENV, LIMIT, Skip, check, each, same, test
from writer import KINDS, PASSPHRASE, Writer, openssl

PIN = "123456"
MAKE = {"ed25519": "EC:edwards25519", "ecdsa": "EC:prime256v1", "rsa": "rsa:2048"}


class Token:
    """A token in the folder of a writer."""

    def __init__(self, w):
        modules = glob.glob("/usr/lib/softhsm/libsofthsm2.so") + glob.glob("/usr/lib/*/softhsm/libsofthsm2.so")
        if not modules or not shutil.which("softhsm2-util") or not shutil.which("pkcs11-tool"):
            raise Skip("no SoftHSM and pkcs11-tool here")
        self.module, self.w = modules[0], w
        os.mkdir(w.path("tokens"))
        w.env["SOFTHSM2_CONF"] = w.write("softhsm2.conf", f"directories.tokendir = {w.path('tokens')}\n"
                                         "log.level = ERROR\n")
        self.run("softhsm2-util", "--init-token", "--free", "--label", "offline keys", "--pin", PIN, "--so-pin", PIN)

    def run(self, *words):
        subprocess.run(words, env={**ENV, **self.w.env}, check=True, capture_output=True, timeout=LIMIT)

    def key(self, name, kind):
        """Make a key in the token; returns its URI."""
        try:
            self.run("pkcs11-tool", "--module", self.module, "--token-label", "offline keys", "--login", "--pin",
                     PIN, "--keypairgen", "--key-type", MAKE[kind], "--label", name)
        except subprocess.CalledProcessError as why:
            raise Skip(f"the token makes no {kind}: {why.stderr.decode().splitlines()[-1:]}") from None
        return f"pkcs11:token=offline%20keys;object={name}?module-path={self.module}"


@each([(kind, kind) for kind in KINDS])
def a_token_signs(place, kind):
    w = Writer(place)
    token = Token(w)
    root, targets = token.key("root", kind), token.key("targets", kind)
    online = w.online = w.key("online", guarded=False)
    w.passphrases = w.write("pin", PIN + "\n", 0o600)
    w.run("init", "--key", f"root={root}", "--key", f"targets={targets}", "--key", f"snapshot={online}",
          "--key", f"timestamp={online}")
    w.publish()
    w.run("add", w.write("f", "content"), "--as", "a", "--key", targets)
    w.publish()
    w.both("a")
    said = w.run("status", "--json")
    check(PIN not in said and PIN not in json.dumps(w.metadata("1.root.json")), "the PIN")


@test
def tokens_that_cannot_be_used_are_said(place):
    w = Writer(place)
    token = Token(w)
    uri = token.key("root", "ecdsa")
    w.init()
    w.add("a")
    w.passphrases = w.write("pin", "999999\n", 0o600)
    check("the PIN is wrong" in w.run("sign", "--key", uri, status=86), "PIN")
    w.passphrases = w.write("pin", PIN + "\n", 0o600)
    for old, new, status, words in (("object=root", "object=toor", 66, "no such private key"),
                                    ("token=offline%20keys", "token=online", 66, "no such token"),
                                    ("token=offline%20keys", "tocken=online", 65, "tocken: not understood"),
                                    ("object=root", "object=%zz", 65, "two digits"),
                                    (token.module, "/nothing.so", 66, "/nothing.so"),
                                    (token.module, "libsofthsm2.so", 65, "begins with '/'"),
                                    (token.module, shutil.which("true") or "/bin/true", 66, "")):
        check(words in w.run("sign", "--key", uri.replace(old, new), status=status), words)
    check("no key of what is staged" in w.run("sign", "--key", uri, status=84), "another key")
    # Two of one name: which?
    token.key("root", "ecdsa")
    check("several keys are called so" in w.run("sign", "--key", uri, status=66), "two")
