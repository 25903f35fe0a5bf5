# SPDX-License-Identifier: Apache-2.0
"""The command line as such: usage, help, JSON, and where the output goes."""
import json
import os
import pty
import select
import subprocess
import time

from stage import GRAFT, check, errors_in, one_line, same, test, tree_of
from files import nobody

VERBS = ("diff", "show", "verify", "plan", "apply", "status", "revert", "recover",
         "sync", "spare", "report", "perf-map")


@test
def wrong_usage_is_status_2_and_touches_nothing(place):
    fix, lib = place.patch, place.old
    for argv in ([], ["fly"], [""], ["--fly"], ["--state-dir"], ["--state-dir="],
                 ["diff"], ["diff", lib], ["diff", lib, lib, lib], ["diff", lib, lib, "--fly"],
                 ["diff", lib, lib, "-o"], ["show"], ["show", fix, fix], ["show", fix, "--fly"],
                 ["show", fix, "--old", lib], ["verify"], ["verify", fix, fix],
                 ["verify", fix, "--signature", fix], ["verify", fix, "--key"],
                 ["plan", fix], ["plan", "--all"], ["plan", fix, "--all", "--wait", "1"],
                 ["apply"], ["apply", fix], ["apply", "--all"], ["apply", fix, "--pid"],
                 ["apply", fix, "--pid", ""], ["apply", fix, "--pid", "x"],
                 ["apply", fix, "--pid", "0"], ["apply", fix, "--pid", "-1"],
                 ["apply", fix, "--pid", "1x"], ["apply", fix, "--pid", "99999999999999999999"],
                 ["apply", fix, "--pid", "4294967297"], ["apply", fix, "--pid", "0x1"],
                 ["apply", fix, "--pid", "1", "--all"], ["apply", fix, "--all", "--wait"],
                 ["apply", fix, "--all", "--wait", "-1"], ["apply", fix, "--all", "--wait", "x"],
                 ["apply", fix, "--all", "--wait", "nan"], ["apply", fix, "--all", "--wait", ""],
                 ["apply", fix, "--all", "--wait", "inf"], ["apply", fix, "--all", "--fly"],
                 ["apply", fix, fix, "--all"], ["apply", fix, "--all=yes"],
                 ["status", "more"], ["status", "--all"], ["status", "--pid", "x"],
                 ["revert"], ["revert", fix], ["revert", "--all"], ["revert", fix, "--dry-run"],
                 ["recover", "more"], ["recover", "--pid", "x"], ["recover", "--all"],
                 ["recover", "--wait", "x"], ["sync", "more"], ["sync", "--all"], ["spare"], ["spare", "a", "b"], ["sync", "--pid"], ["sync", "--pid", "x"],
                 ["sync", "--wait", "x"], ["sync", "--unit"], ["sync", "--cgroup", "relative"],
                 ["report", "more"], ["report", "--format"], ["report", "--format", "spdx"],
                 ["perf-map"], ["perf-map", fix],
                 ["perf-map", fix, "--all", "--pid", "1"], ["perf-map", fix, "--all", "--wait", "1"]):
        done = place.run(*argv, status=2)
        same(done.stdout, "", f"standard output of {argv}")
        check(done.stderr, f"{argv}: it does not say what is wrong")
        # Without a verb the verbs are listed.
        if argv:
            one_line(done)
        if argv and argv[0] in VERBS:
            check(done.stderr.endswith(f"; try `graft {argv[0]} --help`\n"), done.stderr)
    check(not os.path.exists(place.state), "a state directory was made")


@test
def wrong_usage_names_what_is_missing_or_wrong(place):
    fix, lib = place.patch, place.old
    for argv, *words in (
            (["diff"], "OLD and NEW are missing"), (["diff", lib], "NEW is missing"),
            (["diff", lib, lib, "more"], "'more' is one argument too many"),
            (["diff", lib, lib, "--fly"], "no option --fly"),
            (["diff", lib, lib, "-o"], "-o needs a value"),
            (["diff", lib, lib, "-q"], "no option -q"), (["show"], "which hotpatch?"),
            (["show", fix, "--json", "--disassemble"], "--json", "--disassemble"),
            (["show", fix, "--old", lib], "--old goes with --disassemble"),
            (["verify"], "which hotpatch?"), (["verify", fix, "--signature", fix], "--key"),
            (["verify", "--against", lib], "OLD, NEW"),
            (["apply"], "which hotpatch?"), (["apply", fix], "which processes?", "--all", "--pid"),
            (["apply", fix, "--pid"], "--pid needs a value"),
            (["apply", fix, "--pid", "abc"], "'abc' is no process id"),
            (["apply", fix, "--all", "--pid", "1"], "exclude each other"),
            (["apply", fix, "--all", "--wait", "x"], "'x' is no number of seconds"),
            (["apply", fix, "--all=yes"], "no option --all=yes"),
            (["plan", fix, "--all", "--wait", "1"], "no option --wait"),
            (["status", "more"], "'more' is one argument too many"),
            (["recover", "--all"], "no option --all")):
        one_line(place.run(*argv, status=2), f"graft {argv[0]}: ", *words)


@test
def help_of_every_verb_is_printed_on_standard_output(place):
    for argv in (["--help"], ["-h"], ["help"], *[[v, "--help"] for v in VERBS],
                 *[[v, "-h"] for v in VERBS]):
        done = place.run(*argv, status=0)
        check(done.stdout.startswith("usage: graft"), done.stdout)
        same(done.stderr, "", f"standard error of {argv}")
        check(all(len(line) <= 80 for line in done.stdout.split("\n")), f"long lines: {argv}")
    listed = place.run("--help").stdout
    for verb in VERBS:
        check(f"  {verb} " in listed, f"{verb} is not listed")
    check(place.run("--version", status=0).stdout.startswith("graft "), "version")


def keys(thing, *want):
    missing = set(want) - set(thing)
    check(not missing, f"{missing} missing in {sorted(thing)}")


@test
def json_has_the_keys_that_others_rely_on(place):
    done = json.loads(place.run("diff", place.path("old"), place.path("new"), "--json").stdout)
    keys(done, "modules", "package_bytes")
    check(len(done["modules"]) >= 2, done)
    for module in done["modules"]:
        keys(module, "path", "soname", "old_build_id", "new_build_id", "verdict", "assurance",
             "reasons", "functions", "carried_bytes", "package_bytes")
        keys(module["functions"], "old", "new", "changed", "added", "carried")
        for reason in module["reasons"]:
            keys(reason, "rule", "where", "text")
    done = json.loads(place.run("status", "--json", status=0).stdout)
    keys(done, "processes", "not_looked_at")
    same(done["processes"], [], "nobody")
    with place.victim() as victim:
        pid = str(victim.pid)
        for verb in ("plan", "apply", "revert"):
            done = json.loads(place.run(verb, place.patch, "--pid", pid, "--json",
                                        status=0).stdout)
            keys(done, "id", "processes")
            keys(done["processes"][0], "pid", "comm", "result")
            same(done["processes"][0]["pid"], victim.pid, "pid")
            if verb == "apply":
                done = json.loads(place.run("status", "--json", status=0).stdout)
                one = next(p for p in done["processes"] if p["pid"] == victim.pid)
                keys(one, "pid", "comm", "hotpatches")
                keys(one["hotpatches"][0], "id", "module", "build_id", "state", "functions",
                     "since")
                same(one["hotpatches"][0]["state"], "applied", "state")
    keys(json.loads(place.run("show", place.patch, "--json", status=0).stdout), "id", "modules")


@test
def json_says_what_was_refused(place):
    done = place.run("apply", place.patch, "--pid", "2147483647", "--json", status=4)
    process = json.loads(done.stdout)["processes"][0]
    same(process["result"], "refused", "result")
    same(process["error"]["code"], "target-gone", "code")


@test
def json_says_why_a_verb_failed_as_the_error_line_does(place):
    nowhere, gone = place.path("nowhere"), "2147483647"
    for argv, code, status in (
            (["diff", nowhere, place.new], "not-found", 66), (["show", nowhere], "not-found", 66),
            (["verify", nowhere], "not-found", 66), (["plan", nowhere, "--all"], "not-found", 66),
            (["apply", nowhere, "--all"], "not-found", 66),
            (["revert", nowhere, "--all"], "not-found", 66),
            (["verify", place.patch, "--old", place.new], "not-found", 66),
            (["status", "--pid", gone], "target-gone", 4),
            (["recover", "--pid", gone, "--state-dir", place.patch], "ledger", 74),
            *[([verb, "--fly"], "usage", 2) for verb in VERBS], (["fly"], "usage", 2)):
        same(place.run(*argv, status=status).stdout, "", f"standard output of {argv}")
        done = place.run(argv[0], "--json", *argv[1:], status=status)
        one_line(done)
        answer = json.loads(done.stdout)
        same(list(answer), ["error"], f"keys of {argv}")
        error = answer["error"]
        same((error["code"], error["status"]), (code, status), f"error of {argv}")
        check(error["message"] and error["message"] in done.stderr, f"{done.stderr!r}: {answer}")


@test
def recover_counts_in_json_too(place):
    with place.victim() as victim:
        pid = ("--pid", str(victim.pid))
        done = json.loads(place.run("recover", *pid, "--json", status=3).stdout)
        same(done, {"completed": 0, "undone": 0, "gone": 0, "left": 0}, "nothing to do")
        subprocess.run([GRAFT, "apply", place.patch, *pid], capture_output=True, check=False,
                       env={**place.env(), "GRAFT_FAULT": "ledger-begun:1:kill"}, timeout=60)
        done = json.loads(place.run("recover", *pid, "--json", status=0).stdout)
        same(done, {"completed": 0, "undone": 1, "gone": 0, "left": 0}, "one was cut off")
        victim.expect(False)


@test
def some_done_and_some_refused_is_status_5(place):
    with place.victim() as victim, place.victim(side="new") as other:
        done = place.run("apply", place.patch, "--pid", str(victim.pid), "--pid", str(other.pid),
                         "--pid", "2147483647", status=5)
        check(f"pid {victim.pid}" in done.stdout, done.stdout)
        same(len(errors_in(done.stderr)), 2, "lines of errors")
        victim.expect(True)
        other.expect(True)


@test
def a_pid_that_is_named_twice_is_done_once(place):
    with place.victim() as victim:
        pid = ("--pid", str(victim.pid))
        done = place.run("apply", place.patch, *pid * 3, status=0)
        same(len(done.stdout.splitlines()), 1, "lines")
        same(done.stderr, "", "errors")
        done = place.run("status", *pid * 2, "--json", status=0)
        same(len(json.loads(done.stdout)["processes"]), 1, "processes")


@test
def apply_twice_revert_twice_and_revert_of_nothing_have_nothing_to_do(place):
    with place.victim() as victim:
        with place.unchanged(victim.pid):
            one_line(place.revert(victim.pid, status=3), str(victim.pid), "is not in it")
            one_line(place.run("revert", "0" * 32, "--pid", str(victim.pid), status=3),
                     str(victim.pid))
        place.apply(victim.pid)
        with place.unchanged(victim.pid):
            one_line(place.apply(victim.pid, status=3), str(victim.pid), "already")
        place.revert(victim.pid)
        with place.unchanged(victim.pid):
            one_line(place.revert(victim.pid, status=3), str(victim.pid))
        one_line(place.run("revert", place.patch, "--all", status=3), "no process")
        one_line(place.run("revert", "nonsense", "--all", status=66), "nonsense")
        victim.expect(False)


@test
def status_of_nothing_says_so(place):
    same(place.run("status", status=0).stdout, "no process holds a hotpatch\n", "text")
    check(not os.path.exists(place.state), "a state directory was made")
    same(place.run("recover").returncode, 3, "recover")


@test
def status_says_how_many_processes_it_may_not_look_at(place):
    with place.victim() as victim:
        place.apply(victim.pid)
        done = place.run("status", prefix=nobody(), status=0)
        same(done.stderr, "", "errors")
        first, second = done.stdout.splitlines()
        same(first, "no process that may be looked at holds a hotpatch", "first line")
        check("could not be looked at; root (CAP_SYS_PTRACE) sees all" in second, second)
        count = int(second.split()[0])
        # Root that lacks it is told the same.
        done = place.run("status", status=0, prefix=("setpriv", "--bounding-set=-sys_ptrace",
                                                     "--inh-caps=-sys_ptrace"))
        check("could not be looked at; root (CAP_SYS_PTRACE) sees all" in done.stdout, done.stdout)
        # This one and its victim; nobody sees himself. Kernel threads are none of ours.
        with_memory = [p for p in os.listdir("/proc") if p.isdigit() and has_memory(p)]
        check(2 <= count <= len(with_memory), f"{count} of {len(with_memory)}")
        done = json.loads(place.run("status", "--json", prefix=nobody(), status=0).stdout)
        same(done["processes"], [], "processes")
        check(done["not_looked_at"] >= 2, done)
        done = place.run("status", "--pid", str(victim.pid), status=0)
        check("looked at" not in done.stdout, done.stdout)


def has_memory(pid):
    try:
        with open(f"/proc/{pid}/status", errors="replace") as file:
            return "VmSize:" in file.read()
    except OSError:
        return False


@test
def an_output_that_is_a_dash_is_no_file(place):
    for option in ("-o", "--output", "--html"):
        done = subprocess.run([GRAFT, "diff", place.old, place.new, option, "-"], cwd=place.dir,
                              capture_output=True, text=True, timeout=60, env=place.env())
        same(done.returncode, 2, f"status with {option}")
        one_line(done, "'./-'")
        same(done.stdout, "", "standard output")
        check(not os.path.exists(place.path("-")), "a file was written")
    subprocess.run([GRAFT, "diff", place.old, place.new, "-o", "./-"], cwd=place.dir, timeout=60,
                   stdout=subprocess.DEVNULL, env=place.env(), check=True)
    with open(place.path("-"), "rb") as file:
        same(file.read(), place.bytes, "the hotpatch")
    os.unlink(place.path("-"))


def on_terminal(place, *argv, more=None):
    """Run it with a terminal as its output; what it wrote there."""
    ours, theirs = pty.openpty()
    env = {**place.env(), "TERM": "xterm", **(more or {})}
    with subprocess.Popen([GRAFT, *argv], stdout=theirs, stderr=theirs, stdin=theirs, env=env):
        os.close(theirs)
        out = b""
        while select.select([ours], [], [], 20)[0]:
            try:
                out += os.read(ours, 4096)
            except OSError:
                break
    os.close(ours)
    return out.decode()


@test
def colour_is_for_terminals_that_want_it(place):
    argv = ("diff", place.old, place.new)
    check("\x1b[" not in place.run(*argv).stdout, "colour without a terminal")
    check("\x1b[32m" in on_terminal(place, *argv), "no colour on a terminal")
    for more in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        check("\x1b[" not in on_terminal(place, *argv, more=more), f"colour with {more}")
    check("\x1b[32m" in on_terminal(place, *argv, more={"NO_COLOR": ""}), "NO_COLOR is empty")
    with place.victim() as victim:
        for verb in ("apply", "status", "revert", "revert"):
            patch = () if verb == "status" else (place.patch,)
            text = on_terminal(place, verb, *patch, "--pid", str(victim.pid),
                               more={"NO_COLOR": "1"})
            check("\x1b" not in text, f"colour in {text!r}")


@test
def a_reader_that_goes_away_does_no_harm(place):
    with place.victim(2) as victim:
        for verb, new in (("plan", False), ("apply", True), ("revert", False)):
            ours, theirs = os.pipe()
            os.close(ours)
            subprocess.run([GRAFT, verb, place.patch, "--pid", str(victim.pid)], stdout=theirs,
                           stderr=theirs, env=place.env(), check=False, timeout=30)
            os.close(theirs)
            victim.expect(new, 2)
        same(place.run("recover").returncode, 3, "nothing is left open")
        same(place.states(victim.pid), ["reverted"], "state")


@test
def a_full_standard_output_is_an_error(place):
    for argv in (["status"], ["show", place.patch], ["diff", place.old, place.new],
                 ["verify", place.patch], ["--help"], ["--version"], ["status", "--help"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([GRAFT, *argv], stdout=full, stderr=subprocess.PIPE, text=True,
                                  env=place.env(), timeout=30)
        same(done.returncode, 71, f"status of {argv}")
        one_line(done, "No space left")


@test
def closed_standard_streams_do_not_end_up_in_the_files(place):
    with place.victim() as victim:
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            for verb, status in (("apply", 0), ("revert", 0)):
                subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", GRAFT, verb, place.patch,
                                "--pid", str(victim.pid)], env=place.env(), timeout=30,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                victim.expect(verb == "apply")
        same(place.run("recover").returncode, 3, "the ledger is whole")
        out = place.path("closed.graft")
        subprocess.run(["sh", "-c", 'exec "$@" >&- 2>&-', "sh", GRAFT, "diff", place.old,
                        place.new, "-o", out], env=place.env(), timeout=30)
        with open(out, "rb") as file:
            same(file.read(), place.bytes, "the hotpatch")


@test
def an_output_that_cannot_be_written_is_named_and_leaves_nothing(place):
    os.makedirs(place.path("out/dir/sub"))
    before = tree_of(place.path("out"))
    for to, word in ((place.path("out/dir"), "directory"), ("/proc/x.graft", "x.graft"),
                     (place.path("out/none/x.graft"), "No such file"),
                     (place.path("fix.graft/x.graft"), "Not a directory"), ("", "''")):
        done = place.run("diff", place.old, place.new, "-o", to)
        check(done.returncode in (2, 71), f"{to}: {done.returncode}: {done.stderr}")
        if done.returncode == 71:
            one_line(done, to)
        same(done.stdout, "", "standard output")
    os.chmod(place.path("out"), 0o755)
    done = place.run("diff", place.old, place.new, "-o", place.path("out/x.graft"),
                     prefix=nobody(), status=71)
    one_line(done, "x.graft", "Permission denied")
    same(tree_of(place.path("out")), before, "the directory")


@test
def an_output_on_a_full_disk_is_an_error_and_keeps_the_old_file(place):
    disk = place.path("disk")
    os.mkdir(disk)
    with place_mounted(disk, "size=16k"):
        to = os.path.join(disk, "x.graft")
        with open(to, "wb") as file:
            file.write(b"old")
        with open(os.path.join(disk, "fill"), "wb") as file:
            try:
                while True:
                    os.write(file.fileno(), bytes(4096))
            except OSError:
                pass
        done = place.run("diff", place.old, place.new, "-o", to, status=71)
        one_line(done, to, "No space left")
        same(sorted(os.listdir(disk)), ["fill", "x.graft"], "files")
        with open(to, "rb") as file:
            same(file.read(), b"old", "the file that was there")


class place_mounted:
    """A small file system of its own while the scope lasts."""

    def __init__(self, path, options):
        self.path, self.options = path, options

    def __enter__(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", self.options, "tmpfs", self.path],
                       check=True)

    def __exit__(self, *_):
        for _ in range(50):
            if subprocess.run(["umount", self.path], capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
