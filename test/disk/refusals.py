# SPDX-License-Identifier: Apache-2.0
"""What refuses an installation: nothing is changed, and the message says what to do."""
import os
import subprocess

from stage import (DOC, LIB, NAME, NEW, OLD, POSTINST, Daemon, check, deb, put, said, same, test,
                   tidy, whole)


def refused(place, layer, done, *words, status=84):
    """It said no, and why; the old package is as it was."""
    same(done.returncode, status, f"exit status: {done.stdout}{done.stderr}")
    for word in words:
        check(word in done.stderr, f"{word!r} is not said: {done.stderr}")
    same(len(done.stderr.splitlines()), 1, f"lines: {done.stderr}")
    tidy(layer)


@test
def a_package_that_is_not_whole_or_not_the_old_one_is_refused(place):
    with place.layer() as layer:
        layer.must("dpkg", "--unpack", layer.bring(place.old))
        refused(place, layer, layer.install(place.fix), "is unpacked but not configured",
                "dpkg --configure -a")
        # Its script fails: half configured.
        script = f"{layer.root}/var/lib/dpkg/info/{NAME}.postinst"
        with open(script, "r+", encoding="utf-8") as file:
            right = file.read()
            file.seek(0)
            file.write("#!/bin/sh\nexit 1\n" + "#" * len(right))
        check(layer.run("dpkg", "--configure", NAME).returncode, "the script does not fail")
        same(layer.state(), f"iF {OLD}", "half configured")
        refused(place, layer, layer.install(place.fix), "is half configured", "dpkg --configure -a")
        with open(script, "w", encoding="utf-8") as file:
            file.write(right)
        layer.must("dpkg", "--configure", NAME)
        # Half installed, as a removal leaves it that failed.
        layer.must("sed", "-i", f"/^Package: {NAME}$/,/^$/s/^Status: .*/Status: install ok "
                   "half-installed/", "/var/lib/dpkg/status")
        refused(place, layer, layer.install(place.fix), "is half installed", "--reinstall")
        layer.dpkg(place.old)
        other = layer.bring(deb(place, "1.0-3"))
        layer.must("dpkg", "-i", other)
        refused(place, layer, layer.install(place.fix), f"{NAME} 1.0-3 is installed",
                f"for {OLD}")
        layer.must("dpkg", "--purge", NAME)
        refused(place, layer, layer.install(place.fix), "is not installed", status=66)


@test
def a_file_that_was_changed_is_refused_and_named(place):
    with place.layer() as layer:
        for path in (f"{LIB}/libone.so", f"{LIB}/tool", f"{DOC}/copyright",
                     f"/var/lib/dpkg/info/{NAME}.postinst"):
            at = layer.root + path
            with open(at, "rb") as file:
                before = file.read()
            with open(at, "ab") as file:
                file.write(b"\n#\n")
            shown = "postinst" if "info" in path else path[1:]
            refused(place, layer, layer.install(place.fix), shown,
                    f"apt-get install --reinstall {NAME}={OLD}")
            with open(at, "wb") as file:
                file.write(before)
        os.remove(f"{layer.root}{LIB}/large.dat")
        refused(place, layer, layer.install(place.fix), "large.dat", "--reinstall")
        layer.dpkg(place.old)
        same(layer.install(place.fix).returncode, 0, "mended")
        whole(place, layer, NEW)


@test
def a_lock_of_dpkg_is_waited_for_and_its_holder_named(place):
    hold = ("import fcntl, sys, time\n"
            "file = open(sys.argv[1], 'r+')\n"
            "fcntl.lockf(file, fcntl.LOCK_EX)\n"
            "print('held', flush=True)\n"
            "time.sleep(float(sys.argv[2]))\n")
    with place.layer() as layer:
        for name, long in (("lock", 60), ("lock-frontend", 60), ("lock", 2)):
            holder = subprocess.Popen(
                layer.command("/usr/bin/python3", "-c", hold, f"/var/lib/dpkg/{name}", str(long)),
                stdout=subprocess.PIPE, text=True)
            same(holder.stdout.readline().strip(), "held", "lock")
            if long == 60:
                refused(place, layer, layer.install(place.fix, "--wait", "0.3"), "dpkg is locked",
                        "(python3) holds", f"/var/lib/dpkg/{name};")
                same(layer.state(), f"ii {OLD}", "state")
                layer.must("pkill", "-x", "python3")
            else:
                same(layer.install(place.fix, "--wait", "30").returncode, 0, "after the wait")
            holder.communicate()
        whole(place, layer, NEW)


@test
def without_room_or_rights_nothing_is_changed(place):
    with place.layer() as layer:
        layer.must("mkdir", "-p", "/graft-test/state", "/mnt/small")
        layer.must("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", "/graft-test/state")
        refused(place, layer, layer.install(place.fix), "/graft-test/state", "KiB are needed",
                status=71)
        layer.must("umount", "/graft-test/state")
        layer.must("mount", "--bind", "/usr", "/usr")
        layer.must("mount", "-o", "remount,ro,bind", "/usr")
        refused(place, layer, layer.install(place.fix), "/usr", "Read-only", status=71)
        layer.must("umount", "-l", "/usr")
        done = layer.run("setpriv", "--bounding-set=-chown,-fsetid", "--inh-caps=-chown,-fsetid",
                         "env", "GRAFT_STATE_DIR=/graft-test/state", "/graft-test/graft",
                         "install", layer.bring(place.fix))
        refused(place, layer, done, "root", "CAP_CHOWN", "CAP_FSETID", status=86)
        check("CAP_FOWNER" not in done.stderr, done.stderr)
        # Nor is disk without memory taken for both.
        daemon = Daemon(layer)
        done = layer.run("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace",
                         "env", "GRAFT_STATE_DIR=/graft-test/state", "/graft-test/graft",
                         "install", layer.bring(place.fix))
        refused(place, layer, done, "missing: CAP_SYS_PTRACE", status=86)
        same(daemon.ask(), "7", "OLD's answer")
        daemon.close()
        whole(place, layer, OLD)


@test
def no_room_in_the_midst_of_it_leaves_the_old_package(place):
    with place.layer(size="60m") as layer:
        # There is room when it is asked for, and somebody else takes it before dpkg writes.
        wrapper = ("#!/bin/sh\n"
                   "[ -e /filled ] || dd if=/dev/zero of=/filled bs=64k 2>/dev/null\n"
                   "exec /usr/bin/dpkg.real \"$@\"\n")
        layer.must("mv", "/usr/bin/dpkg", "/usr/bin/dpkg.real")
        put(layer.root, "/usr/bin/dpkg", wrapper, 0o755)
        done = layer.install(place.fix)
        check(done.returncode and "No space left" in done.stderr
              and "dpkg ended with status" in done.stderr, f"{done.stdout}{done.stderr}")
        layer.must("rm", "-f", "/filled", "/usr/bin/dpkg")
        layer.must("mv", "/usr/bin/dpkg.real", "/usr/bin/dpkg")
        check(layer.graft("recover").returncode in (0, 3), "recover")
        whole(place, layer, OLD)


# From the N-th time on that it makes a file longer, or a new one, there is no room.
FULL = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
static int passed, at;
__attribute__((constructor)) static void begin(void)
{
	at = atoi(getenv("FULL_AT"));
	unsetenv("LD_PRELOAD");
}
static int is_full(int fd)
{
	struct stat st;
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) return 0;
	if (++passed < at) return 0;
	errno = ENOSPC;
	return 1;
}
#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))
ssize_t write(int fd, const void *b, size_t n) { return is_full(fd) ? -1 : REAL(write)(fd, b, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { return is_full(fd) ? -1 : REAL(pwrite)(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { return is_full(fd) ? -1 : REAL(pwrite64)(fd, b, n, o); }
int mkdir(const char *p, mode_t m) { return is_full(-1) ? -1 : REAL(mkdir)(p, m); }
int open(const char *p, int flags, ...)
{
	va_list l; va_start(l, flags); mode_t m = flags & O_CREAT ? va_arg(l, mode_t) : 0; va_end(l);
	return flags & O_CREAT && is_full(-1) ? -1 : REAL(open)(p, flags, m);
}
int openat(int at_fd, const char *p, int flags, ...)
{
	va_list l; va_start(l, flags); mode_t m = flags & O_CREAT ? va_arg(l, mode_t) : 0; va_end(l);
	return flags & O_CREAT && is_full(-1) ? -1 : REAL(openat)(at_fd, p, flags, m);
}
"""


@test
def a_disk_that_is_full_from_any_step_on_leaves_the_old_or_the_new_package(place):
    full = f"{place.dir}/full.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-x", "c", "-", "-o", full, "-ldl"], input=FULL,
                   text=True, check=True)
    # A few of the steps, or each.
    stride = 1 if os.environ.get("GRAFT_TEST_POINTS") == "all" else 17
    with place.layer() as layer:
        library, fix, at, refusals = layer.bring(full), layer.bring(place.fix), 1, 0
        while True:
            layer.must("rm", "-rf", "/graft-test/state")
            layer.dpkg(place.old)
            done = layer.run(f"LD_PRELOAD={library}", f"FULL_AT={at}", "GRAFT_STATE_DIR=/graft-test/state",
                             "/graft-test/graft", "install", fix)
            if done.returncode:
                refusals += 1
                check("No space left" in done.stderr or "is full" in done.stderr, f"step {at}: {done.stderr}")
            # There is room again, and the next run ends what was begun.
            check(layer.graft("recover").returncode in (0, 3), f"recover, step {at}")
            got = layer.state().removeprefix("ii ")
            check(got == NEW or done.returncode and got == OLD, f"step {at}: {layer.state()}")
            whole(place, layer, got)
            tidy(layer)
            if not done.returncode:
                break
            at += stride
        check(refusals > 5, f"only {refusals} steps need room")


@test
def scripts_that_restart_services_directly_are_named_first(place):
    loud = POSTINST.replace("invoke-rc.d", f"/etc/init.d/{NAME} force-reload\n\tinvoke-rc.d")
    new = deb(place, NEW, scripts={"postinst": loud})
    fix = place.diff(place.old, new)
    with place.layer() as layer:
        done = layer.install(fix)
        same(done.returncode, 84, done.stderr)
        check(f"postinst of {NAME} {NEW}, line 4: /etc/init.d/{NAME} force-reload" in done.stderr
              and "--allow-scripts" in done.stderr, done.stderr)
        same((layer.state(), layer.restarts()), (f"ii {OLD}", []), "nothing was done")
        answer = said(layer.install(fix, "--dry-run", "--allow-scripts", "--json"))
        same((answer["disk"]["result"], len(answer["scripts"])), ("can-be-installed", 1), "dry")
        same(layer.state(), f"ii {OLD}", "after the dry run")
        said(layer.install(fix, "--allow-scripts", "--json"))
        same((layer.state(), layer.restarts()), (f"ii {NEW}", ["force-reload"]), "all the same")


@test
def packages_that_must_go_together_are_refused(place):
    needs = deb(place, NEW, extra="Depends: graft-missing (>= 2)\n")
    fix = place.diff(place.old, needs)
    with place.layer() as layer:
        refused(place, layer, layer.install(fix), "graft-missing (>= 2)", "not installed")
        work = f"{place.dir}/tied"
        put(work, "/DEBIAN/control", "Package: graft-tied\nVersion: 1\nArchitecture: all\n"
            f"Maintainer: A <a@example.org>\nDepends: {NAME} (= {OLD})\nDescription: tied\n")
        subprocess.run(["dpkg-deb", "--build", work, f"{place.dir}/tied.deb"], check=True,
                       capture_output=True)
        layer.must("dpkg", "-i", layer.bring(f"{place.dir}/tied.deb"))
        refused(place, layer, layer.install(place.fix), f"graft-tied depends on {NAME} (= {OLD})")
        whole(place, layer, OLD)


@test
def a_new_version_that_cannot_be_configured_is_taken_back(place):
    broken = POSTINST.replace("set -e", f'[ "$2" != {OLD} ] || exit 7')
    fix = place.diff(place.old, deb(place, NEW, scripts={"postinst": broken}))
    with place.layer() as layer:
        done = layer.install(fix)
        same(done.returncode, 84, done.stderr)
        check("the old files are back" in done.stderr and "exit status 7" in done.stderr,
              done.stderr)
        tidy(layer)
        whole(place, layer, OLD)
        same(layer.graft("rollback").returncode, 66, "nothing is left to take back")


@test
def what_the_package_does_not_have_is_not_taken_back(place):
    with place.layer() as layer:
        said(layer.install(place.fix, "--no-memory", "--json"))
        other = layer.bring(deb(place, "1.0-3"))
        layer.must("dpkg", "-i", other)
        refused(place, layer, layer.graft("rollback"), "1.0-3", "nothing is taken back")
        # A newer version is a baseline: what was kept for the one before goes.
        layer.install(place.fix)
        same(layer.graft("rollback").returncode, 66, "after the next install")
