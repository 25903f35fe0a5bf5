# SPDX-License-Identifier: Apache-2.0
"""Hotpatches of several packages that somebody made by hand, every hash right."""
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile

from family import DEV, LIB, build, dpkg, family, states
from sets import fix_of, refused
from stage import GRAFT, NEW, OLD, check, same, test


def pack(data, *, unpack=False):
    """zstd of bytes, in a frame that says its size."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return subprocess.run(["zstd", "-q", "--no-check", "-c", *["-d"] * unpack, file.name],
                              check=True, stdout=subprocess.PIPE).stdout


def forge(fix, to, number, change):
    """Change the index of a part of a hotpatch, and make size, hash and id right again."""
    with open(fix, "rb") as file:
        data = file.read()
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        data = pack(data, unpack=True)
    members = []
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for one in tar.getmembers():
            members.append([one.name, tar.extractfile(one).read()])
    manifest = members[0][1]
    for one in members:
        if one[0] != "disk/all.zst":
            continue
        # First all indexes, in the order of the manifest.
        data = pack(one[1], unpack=True)
        sizes = [part["size"] for part in json.loads(manifest)["disks"]]
        begin = sum(sizes[:number])
        old = data[begin:begin + sizes[number]]
        new = change(old)
        check(new != old, "nothing was changed")
        one[1] = pack(data[:begin] + new + data[begin + len(old):])
        pair = [f'{{"size":{len(x)},"sha256":"{hashlib.sha256(x).hexdigest()}"}}'.encode()
                for x in (old, new)]
        check(manifest.count(pair[0]) == 1, "the manifest")
        manifest = manifest.replace(*pair)
    at = manifest.index(b'"id":"') + 6
    digits = hashlib.sha256(manifest[:at] + manifest[at + 32:]).hexdigest()[:32]
    members[0][1] = manifest[:at] + digits.encode() + manifest[at + 32:]
    with open(to, "wb") as out:
        for name, content in members:
            head = bytearray(f"{name:\0<100}".encode() + b"0000644\0" + b"0000000\0" * 2)
            head += f"{len(content):011o}".encode() + b"\0" + b"0" * 11 + b"\0" + b" " * 8 + b"0"
            head += bytes(100) + b"ustar\0" + b"00" + bytes(64) + b"0000000\0" * 2
            head += bytes(512 - len(head))
            head[148:156] = f"{sum(head):06o}".encode() + b"\0 "
            out.write(head + content + bytes(-len(content) % 512))
        out.write(bytes(1024))
    return to


@test
def a_part_that_would_install_another_package_is_refused(place):
    kin = family(place)
    fix = fix_of(place, kin.some(OLD, (DEV,)) + kin.some(NEW, (DEV,)),
                 kin.some(OLD, (LIB,)) + kin.some(NEW, (LIB,)))
    to = os.path.join(place.dir, "forged.graft")
    # Changed to the same it is accepted: what is refused below is what was changed.
    forge(fix, to, 0, lambda text: text.replace(b'"mtime":1600000000', b'"mtime":1600000001'))
    place.show(to)
    forge(fix, to, 0, lambda text: text.replace(b'"package":"libkin-dev"',
                                                b'"package":"kin-target"'))
    with place.layer(install=False) as layer:
        dpkg(layer, kin.some(OLD, (LIB, DEV)))
        dpkg(layer, [build(place, "kin-target", OLD,
                           change=lambda root: shutil.rmtree(f"{root}/usr/share/doc"))])
        info = f"{layer.root}/var/lib/dpkg/info"
        shutil.copy(f"{info}/{DEV}.md5sums", f"{info}/kin-target.md5sums")
        refused(layer, layer.install(to), "its control file is not that of kin-target:amd64",
                status=65)
        same(states(layer, (LIB, DEV, "kin-target")),
             dict.fromkeys((LIB, DEV, "kin-target"), f"ii {OLD}"), "states")


@test
def parts_out_of_their_order_or_with_names_that_are_none_are_refused(place):
    kin = family(place)
    to = os.path.join(place.dir, "forged.graft")
    for number, old, new, words in (
            (0, b"kin-tools", b"kin/tools", "package"), (0, b"kin-tools", b"../../etc", "package"),
            (0, b"kin-tools", b"zin-tools", "order"), (1, b"libkin-dev", b"libkin-doc", "twice"),
            (0, b'"architecture":"amd64"', b'"architecture":"-i"', "architecture")):
        forge(kin.fix, to, number,
              lambda text, old=old, new=new: text.replace(old, new, 1))
        done = subprocess.run([GRAFT, "show", to], capture_output=True, text=True, check=False)
        check(done.returncode == 65 and words in done.stderr, f"{new}: {done.stderr}")
