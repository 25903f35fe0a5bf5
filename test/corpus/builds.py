# SPDX-License-Identifier: Apache-2.0
"""Builds of the corpus: how a pair is compiled, and whether it differs at all."""
import hashlib
import os
import shutil
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = f"{HERE}/sources"
LIMIT = 120
COMPILERS = ("gcc", "clang")
LEVELS = ("-O0", "-O2", "-O3", "-Os", "lto")
FORMS = ("exe", "so")
DEBUG = ("g", "strip")
CCACHE = ["ccache"] if shutil.which("ccache") else []
LTO = {"gcc": ["-O2", "-flto=1"], "clang": ["-O2", "-flto", "-fuse-ld=lld"]}


class BuildError(Exception):
    """A source does not compile: a fault of the corpus."""


def call(argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, errors="replace",
                          timeout=LIMIT, check=False, **more)


def must(argv, **more):
    done = call(argv, **more)
    if done.returncode:
        raise BuildError(f"{' '.join(argv)}: {done.stderr or done.stdout}")
    return done.stdout


def tools():
    """What makes the builds, beside the text of a pair: another of it makes others."""
    told = [must([name, "--version"]) for name in (*COMPILERS, "ld", "ld.lld", "strip")]
    for name in sorted(os.listdir(SOURCES)) + ["../builds.py"]:
        if name == "driver.c" or name.endswith((".h", ".py")):
            with open(f"{SOURCES}/{name}", encoding="utf-8") as file:
                told.append(file.read())
    return "\0".join(told)


class Builder:
    """Compiles in one folder; objects are kept by their content in another, and whole
    builds in a third, if one is given, where later runs find them."""

    def __init__(self, folder, objects, kept=None):
        self.folder, self.objects, self.kept = folder, objects, kept
        for path in (folder, objects, *([kept] if kept else [])):
            os.makedirs(path, exist_ok=True)
        self.tools = tools() if kept else ""

    def flags(self, compiler, level, form):
        flags = LTO[compiler] if level == "lto" else [level]
        return flags + ["-g", "-w", "-pthread",
                        *(["-fPIC"] if form == "so" else ["-fPIE", "-DCORPUS_LINKED"])]

    def compile(self, name, text, compiler, flags, keep):
        """Compile one file; returns the path of its object."""
        key = hashlib.sha256("\0".join([name, text, compiler, *flags]).encode())
        kept = f"{self.objects}/{key.hexdigest()[:32]}.o"
        if os.path.exists(kept):
            return kept
        front = compiler
        if name.endswith(".cc"):
            front = {"gcc": "g++", "clang": "clang++"}[compiler]
        else:
            flags = flags + ["-std=gnu17"]
        with open(f"{self.folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
        path = kept if keep else f"{self.folder}/{name}.o"
        made = f"{self.folder}/{name}.made.o"
        # The same source path on both sides and in every run, as packages have it.
        must([*CCACHE, front, *flags, f"-I{SOURCES}",
              f"-fdebug-prefix-map={self.folder}=/corpus", "-c", "-o", made, name],
             cwd=self.folder)
        os.replace(made, path)
        return path

    def side(self, kind, files, order, config, path, keep):
        """Build one side of a pair, with debug information."""
        compiler, level, form = config
        flags = self.flags(*config) + kind.compiler
        objects = []
        for name in order:
            objects.append(self.compile(name, files[name], compiler, flags,
                                        keep or name == "support.c"))
        if form == "exe":
            with open(f"{SOURCES}/driver.c", encoding="utf-8") as file:
                objects.append(self.compile("driver.c", file.read(), compiler, flags, True))
        cxx = any(name.endswith(".cc") for name in order)
        front = {"gcc": "g++", "clang": "clang++"}[compiler] if cxx else compiler
        link = ["-shared"] if form == "so" else ["-pie"]
        must([front, *flags, *link, "-Wl,--build-id", "-o", path, *objects,
              *kind.linker])

    def pair(self, kind, pair, config):
        """Build both sides, each with debug information and stripped."""
        for side, files, order in (("old", pair.old, pair.old_order),
                                   ("new", pair.new, pair.new_order)):
            paths = [f"{self.folder}/{side}.{debug}" for debug in DEBUG]
            texts = [f"{name}\0{files[name]}" for name in order]
            names = self.names([*texts, *config, *kind.compiler, *kind.linker])
            if names and all(os.path.exists(name) for name in names):
                for name, path in zip(names, paths):
                    shutil.copy(name, path)
                continue
            self.side(kind, files, order, config, paths[0], side == "old")
            must(["strip", "-o", paths[1], paths[0]])
            for name in order:
                made = f"{self.folder}/{name}.o"
                if os.path.exists(made):
                    os.unlink(made)
            for name, path in zip(names, paths):
                shutil.copy(path, f"{path}.kept")
                os.replace(f"{path}.kept", name)

    def names(self, made_of):
        """Where the builds of this are kept, one for each of DEBUG; none if nothing is."""
        if not self.kept:
            return []
        key = hashlib.sha256("\0".join([self.tools, *made_of]).encode()).hexdigest()[:32]
        return [f"{self.kept}/{key}.{debug}" for debug in DEBUG]

    def loader(self):
        """The program that loads a library."""
        path = f"{self.objects}/loader"
        if not os.path.exists(path):
            must(["gcc", "-O1", "-pthread", "-o", f"{self.folder}/loader", f"-I{SOURCES}",
                  f"{SOURCES}/driver.c"])
            os.replace(f"{self.folder}/loader", path)
        return path


def contents(path):
    """What a program has in memory, section by section, its identity aside."""
    with open(path, "rb") as file:
        data = file.read()
    shoff, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, shoff + i * size)
               for i in range(count)]
    strings = headers[names][4]
    every = []
    for name, kind, flags, _addr, off, length, *_ in headers:
        title = data[strings + name:data.index(b"\0", strings + name)].decode()
        # 2: SHF_ALLOC; 8: SHT_NOBITS.
        if flags & 2 and title != ".note.gnu.build-id":
            every.append((title, length, b"" if kind == 8 else data[off:off + length]))
    return every


def differs(old, new):
    """Whether two builds differ in anything that a process sees."""
    return contents(old) != contents(new)
