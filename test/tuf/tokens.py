# SPDX-License-Identifier: Apache-2.0
"""`graft repo` with keys in a token: SoftHSM, by PKCS#11."""
import glob
import json
import os
import shutil
import subprocess

from keys import canonical
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
        self.make()

    def run(self, *words):
        return subprocess.run(words, env={**ENV, **self.w.env}, check=True, capture_output=True, timeout=LIMIT).stdout

    def make(self):
        self.run("softhsm2-util", "--init-token", "--free", "--label", "offline keys", "--pin", PIN, "--so-pin", PIN)

    def serials(self):
        said = self.run("softhsm2-util", "--show-slots").decode()
        return [line.split()[2] for line in said.splitlines() if "Serial number:" in line and len(line.split()) > 2]

    def key(self, name, kind, *words):
        """Make a key in the token; returns its URI."""
        words = words or ("--token-label", "offline keys")
        try:
            self.run("pkcs11-tool", "--module", self.module, *words, "--login", "--pin",
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
    if kind == "rsa":
        # The salt is as long as the digest: there are readers that ask for that.
        says = w.metadata("1.root.json")
        key = says["signed"]["keys"][says["signatures"][0]["keyid"]]["keyval"]["public"]
        openssl("dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-verify",
                w.write("rsa.pub", key), "-signature", w.write("sig", bytes.fromhex(says["signatures"][0]["sig"])),
                data=canonical(says["signed"]).encode())
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
                                    ("token=offline%20keys", "token=offline", 66, "no such token"),
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


@test
def one_of_several_of_a_name_is_chosen_by_its_id_and_its_token(place):
    w = Writer(place)
    token = Token(w)
    w.passphrases = w.write("pin", PIN + "\n", 0o600)
    token.make()
    keys = {}
    for serial in token.serials():
        # SoftHSM makes the one of the other.
        slot = str(int(serial[-8:], 16) & 0x7fffffff)
        for number in "01", "02":
            token.key("root", "ecdsa", "--slot", slot, "--id", number)
            der = token.run("pkcs11-tool", "--module", token.module, "--slot", slot, "--login", "--pin", PIN,
                            "--read-object", "--type", "pubkey", "--id", number)
            keys[f"serial={serial};id=%{number}"] = openssl("pkey", "-pubin", "-inform", "DER", data=der).decode().strip()
    same(len(set(keys.values())), 4, "keys")
    online, targets = w.key("online", guarded=False), w.public("targets")

    def root(name, status=0):
        at = w.path(f"repo-of-{name}")
        said = w.run("init", "--key", f"root=pkcs11:token=offline%20keys;object=root;{name}?module-path={token.module}",
                     "--key", f"targets={targets}", "--key", f"snapshot={online}", "--key", f"timestamp={online}", at=at,
                     status=status)
        if status:
            return said
        with open(f"{at}/staged/metadata/root.json", encoding="utf-8") as file:
            says = json.load(file)["signed"]
        return says["keys"][says["roles"]["root"]["keyids"][0]]["keyval"]["public"].strip()
    for name, key in keys.items():
        same(root(name), key, name)
    check("several tokens are called so: say serial=" in root("id=%01", status=66), "no serial")
    check("several keys are called so: say id=" in root(f"serial={token.serials()[0]}", status=66), "no id")
    check("no such private key" in root(f"serial={token.serials()[0]};id=%03", status=66), "another id")
    check("no such token" in root(f"serial={token.serials()[0][:-1]};id=%01", status=66), "another serial")
