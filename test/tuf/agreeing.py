# SPDX-License-Identifier: Apache-2.0
"""Two repositories, a vendor's and one on the premises, that must say the same."""
import os
import subprocess

from stage import BUILD, ENV, LIMIT, check, each, same, test
from writer import Writer


class Two:
    """Two repositories, and a client of both."""

    def __init__(self, place):
        self.w = Writer(place)
        self.sides = []
        for name in "vendor", "house":
            self.w.dir = self.w.path(name)
            self.w.online = self.w.key(f"{name}-online", guarded=False)
            self.w.run("init", "--key", f"root={self.w.key(name)}", "--key", f"targets={self.w.key(name)}", "--key",
                       f"snapshot={self.w.online}", "--key", f"timestamp={self.w.online}")
            self.w.publish()
            self.sides.append(self.w.dir)
            done = subprocess.run([os.path.join(BUILD, "graft-tuf"), "--metadata-dir", self.w.path(f"{name}-trusted"),
                                   "init", f"{self.w.dir}/public/metadata/1.root.json"], check=False, timeout=LIMIT)
            same(done.returncode, 0, "init")
        os.mkdir(self.w.path("got"))

    def add(self, name, path, data):
        self.w.dir = self.w.path(name)
        self.w.online = self.w.key(f"{name}-online", guarded=False)
        self.w.add(path, data, key=name)
        self.w.publish()

    def get(self, path, *more, status=0):
        vendor, house = (f"file://{side}/public" for side in self.sides)
        done = subprocess.run(
            [os.path.join(BUILD, "graft-tuf"), "--metadata-dir", self.w.path("vendor-trusted"), "--metadata-url",
             f"{vendor}/metadata", "--second-metadata-dir", self.w.path("house-trusted"), "--second-metadata-url",
             f"{house}/metadata", "--target-base-url", f"{vendor}/targets", "--second-target-base-url",
             f"{house}/targets", "--target-dir", self.w.path("got"), "--target-name", path, *more, "download"],
            env=ENV, capture_output=True, text=True, timeout=LIMIT, check=False)
        same(done.returncode, status, done.stderr)
        return done.stderr

    def got(self):
        return sorted(os.listdir(self.w.path("got")))


@test
def what_one_repository_says_alone_is_not_taken(place):
    two = Two(place)
    two.add("vendor", "a", "content")
    check("the second repository: a: the repository has no such target" in two.get("a", status=1), "house")
    two.add("house", "b", "content")
    check("the first repository: b: the repository has no such target" in two.get("b", status=1), "vendor")
    two.add("house", "a", "c0ntent")
    check("do not say the same" in two.get("a", status=1), "another hash")
    same(two.got(), [], "what was taken")
    two.add("house", "a", "content")
    two.get("a")
    same(two.got(), ["a"], "what was taken")


@test
def a_map_says_who_decides(place):
    two = Two(place)
    two.add("vendor", "v", "of the vendor")
    two.add("house", "h", "of the house")
    two.add("vendor", "x", "one")
    two.add("house", "x", "two")
    names = two.w.write("map.conf", "# who decides\nfirst = v\nsecond = h\nsecond = x\nfirst = x\n")
    two.get("v", "--map", names)
    two.get("h", "--map", names)
    two.get("x", "--map", names)
    same(two.got(), ["h", "v", "x"], "what was taken")
    with open(two.w.path("got/x"), encoding="utf-8") as file:
        same(file.read(), "two", "the first line that matches")
    # Whatever is not on the map is up to both.
    two.add("vendor", "y", "y")
    two.get("y", "--map", names, status=1)
    wrong = two.w.write("map.conf", "frist = v\n")
    text = two.get("v", "--map", wrong, status=1)
    check("line 1" in text and "'first'" in text, text)


@test
def a_second_repository_that_is_out_of_date_keeps_from_all(place):
    two = Two(place)
    for name in "vendor", "house":
        two.add(name, "a", "content")
    # Somebody withholds what the house says newly.
    os.remove(os.path.join(two.sides[1], "public/metadata/timestamp.json"))
    check("the second repository: " in two.get("a", status=1), "withheld")
    same(two.got(), [], "what was taken")
    done = subprocess.run([os.path.join(BUILD, "graft-tuf"), "--metadata-dir", "x", "--metadata-url", "y",
                           "--second-metadata-dir", "z", "refresh"], capture_output=True, text=True, check=False)
    check(done.returncode == 1 and "go together" in done.stderr, done.stderr)


@each([("the vendor", "vendor"), ("the house", "house")])
def no_target_takes_the_place_of_what_either_side_trusts(place, side):
    two = Two(place)
    for name in "vendor", "house":
        two.add(name, "root.json", "evil")
    os.rmdir(two.w.path("got"))
    os.symlink(two.w.path(f"{side}-trusted"), two.w.path("got"))
    names = two.w.write("map.conf", f"{'second' if side == 'vendor' else 'first'} = *\n")
    for more in [], ["--map", names]:
        check("choose another directory for targets" in two.get("root.json", *more, status=1), more)
