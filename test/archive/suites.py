# SPDX-License-Identifier: Apache-2.0
"""Which libraries' own test-suites are run, and how they are built."""
import glob
import os
import re
import shutil
import subprocess

import archive

LIMIT = 900
AUTOTOOLS = ("autoconf", "automake", "libtool", "pkg-config")
# What a test says of its parts: of each line the word, and what was tested.
PART = re.compile(r"^\s*(ok|not ok|PASS|FAIL|SKIP|ERROR|XFAIL|XPASS)\b[ :]*(.*)$", re.M)


class Broken(Exception):
    """The suite cannot be built here."""


class Suite:
    """A library whose source has a test-suite of automake's.

    The programs are built with the source's own library, which then gives its place to one
    of the archive's; each program finds what stands there.
    """

    def __init__(self, package, source, library, folders=("tests",), configure=(), needs=(),
                 bootstrap=False):
        self.package, self.source, self.library = package, source, library
        self.folders, self.configure = folders, configure
        # The package itself brings the libraries that it needs.
        self.needs = ("dpkg-dev", "gcc", "make", package, *needs,
                      *(AUTOTOOLS if bootstrap else ()))
        # Where the source comes without `configure`, or the distribution's patches touch
        # what that is made from.
        self.bootstrap = [["autoreconf", "-fi"]] if bootstrap else []

    def install(self):
        """Install what building and running needs."""
        missing = [name for name in self.needs if not archive.installed(name)]
        if missing:
            done = archive.run(["apt-get", "install", "-qy", "--no-install-recommends",
                                "-oDPkg::Lock::Timeout=300", *missing], timeout=LIMIT,
                               env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
            if done.returncode:
                raise Broken(f"cannot install {' '.join(missing)}")

    def build(self, tree, build):
        """Build library and test programs; where the library then is."""
        with open(f"{build}.log", "w", encoding="utf-8") as log:
            for argv in (*self.bootstrap,
                         [f"{tree}/configure", "--disable-static", "--disable-silent-rules",
                          *(word.replace("BUILD", build) for word in self.configure)],
                         ["make", "-j2", "all"],
                         *(["make", "-j2", "-C", folder, "check", "TESTS="]
                           for folder in self.folders)):
                done = subprocess.run(argv, cwd=build, stdin=subprocess.DEVNULL, stdout=log,
                                      stderr=log, timeout=LIMIT, check=False)
                if done.returncode:
                    raise Broken(f"{argv[0]} ended with {done.returncode}: {build}.log")
        found = [path for path in glob.glob(f"{build}/**/.libs/{self.library}*", recursive=True)
                 if not os.path.islink(path)]
        if len(found) != 1:
            raise Broken(f"{len(found)} files are called {self.library}")
        return found[0]

    def run(self, build, env):
        """Run all tests; test -> what it said of itself and of its parts."""
        results = {}
        for folder in self.folders:
            where = f"{build}/{folder}"
            for old in glob.glob(f"{where}/**/*.trs", recursive=True):
                os.remove(old)
            with open(f"{build}.run.log", "w", encoding="utf-8") as log:
                subprocess.run(["make", "-k", "-C", where, "check"], env=env, stdout=log,
                               stdin=subprocess.DEVNULL, stderr=log, timeout=LIMIT, check=False)
            for trs in glob.glob(f"{where}/**/*.trs", recursive=True):
                results[os.path.relpath(trs, build)[:-4]] = read_result(trs)
        return results


def read_result(trs):
    """What automake's driver wrote of a test, and what the test printed of its parts."""
    with open(trs, encoding="utf-8", errors="replace") as file:
        said = re.findall(r"^:test-result: (.*)$", file.read(), re.M)
    with open(trs[:-4] + ".log", encoding="utf-8", errors="replace") as file:
        parts = sorted(f"{word} {what}" for word, what in PART.findall(file.read()))
    return [*said, *parts]


def put(library, place):
    """Put a library where the test programs find it."""
    shutil.copyfile(library, f"{place}.part")
    os.chmod(f"{place}.part", 0o755)
    os.rename(f"{place}.part", place)


SUITES = [
    Suite("liblzma5", "xz-utils", "liblzma.so.5", configure=("--disable-nls",)),
    Suite("libgsasl18", "gsasl", "libgsasl.so.18", folders=("lib/tests", "tests"),
          configure=("--disable-nls",)),
    Suite("libgd3", "libgd2", "libgd.so.3", bootstrap=True,
          # Its tests ask for -lgd.
          configure=("LDFLAGS=-LBUILD/src",),
          needs=("libpng-dev", "libjpeg-dev", "libtiff-dev", "libwebp-dev", "libfreetype-dev",
                 "zlib1g-dev")),
    Suite("libtpms0", "libtpms", "libtpms.so.0", needs=("libssl-dev",), bootstrap=True,
          configure=("--with-openssl", "--with-tpm2")),
    Suite("libjq1", "jq", "libjq.so.1", folders=(".",), needs=("libonig-dev",), bootstrap=True,
          # Under valgrind a process is another.
          configure=("--disable-docs", "--disable-maintainer-mode", "--disable-valgrind")),
    Suite("libpng16-16", "libpng1.6", "libpng16.so.16", folders=(".",), needs=("zlib1g-dev",)),
    Suite("libxml2", "libxml2", "libxml2.so.2", folders=(".",), needs=("zlib1g-dev",)),
    Suite("libpcre2-8-0", "pcre2", "libpcre2-8.so.0", folders=(".",)),
    Suite("libexpat1", "expat", "libexpat.so.1"),
    Suite("libxslt1.1", "libxslt", "libxslt.so.1", needs=("libxml2-dev",)),
]
