# SPDX-License-Identifier: Apache-2.0
"""Core dumps of hotpatched processes, and the names that gdb gets of carried code."""
import json
import os
import re
import shutil
import signal
import subprocess

from stage import Skip, Victim, check, one_line, same, test


def dumped_by_gdb(place, victim):
    """gcore(1) writes its own kind of dump, of a process that goes on."""
    if not shutil.which("gcore"):
        raise Skip("no gdb here")
    subprocess.run(["gcore", "-o", place.path("gcore"), str(victim.pid)], check=True,
                   stdin=subprocess.DEVNULL, capture_output=True)
    return place.path(f"gcore.{victim.pid}")


def dumped_by_kernel(place, victim):
    """What is left of a process that dies, where the kernel writes files of its own."""
    with open("/proc/sys/kernel/core_pattern") as file:
        pattern = file.read().strip()
    if re.search(r"[|/%@]", pattern):
        raise Skip(f"core dumps go elsewhere here: {pattern}")
    subprocess.run(["prlimit", f"--pid={victim.pid}", "--core=unlimited"], check=True)
    os.kill(victim.pid, signal.SIGSEGV)
    same(victim.process.wait(), -signal.SIGSEGV, "how it died")
    for name in pattern, f"{pattern}.{victim.pid}":
        if os.path.exists(place.path(name)):
            return place.path(name)
    raise AssertionError("there is no core dump")


def shown(place, path):
    return json.loads(place.run("show", "--core", path, "--json", status=0).stdout)


def victim_of(place):
    return Victim(place.path("old/victim"), "2", cwd=place.dir)


def functions_of(place, pid):
    """Where each replaced function of OLD is in a process, by its name."""
    nm = subprocess.run(["nm", "-D", place.old], capture_output=True, text=True, check=True)
    with open(f"/proc/{pid}/maps") as file:
        base = min(int(m.split("-")[0], 16) for m in file if "libvictim" in m)
    return {name: base + int(at, 16) for at, name in
            re.findall(r"^(\S+) T (\w+)$", nm.stdout, re.M)}


def looked_at(place, dump, pid):
    """The dump tells the one hotpatch, its functions and its code."""
    found = shown(place, dump)
    same((found["pid"], found["comm"]), (pid, "victim"), "the process")
    check(found["threads"] >= 4, found)
    same([h["id"] for h in found["hotpatches"]], [place.id], "hotpatches")
    hotpatch = found["hotpatches"][0]
    check(hotpatch["module"].endswith("libvictim.so"), hotpatch["module"])
    code = [(int(r["start"], 16), int(r["end"], 16)) for r in hotpatch["regions"] if r["code"]]
    for function in hotpatch["functions"]:
        at = int(function["new"], 16)
        check(any(start <= at < end for start, end in code), f"{function} is in no code")
    return hotpatch


@test
def a_core_dump_tells_its_hotpatches(place):
    for dumped in dumped_by_gdb, dumped_by_kernel:
        with victim_of(place) as victim:
            place.apply(victim.pid)
            old = functions_of(place, victim.pid)
            hotpatch = looked_at(place, dumped(place, victim), victim.pid)
            same(hotpatch["state"], "applied", dumped.__name__)
            for function in hotpatch["functions"]:
                same(int(function["old"], 16), old[function["name"]], function["name"])


@test
def a_core_dump_of_a_reverted_process_says_so(place):
    with victim_of(place) as victim:
        place.apply(victim.pid)
        place.revert(victim.pid)
        dump = dumped_by_gdb(place, victim)
        same(looked_at(place, dump, victim.pid)["state"], "reverted", "state")
        victim.expect(False, 2)
    with victim_of(place) as victim:
        dump = dumped_by_gdb(place, victim)
        same(shown(place, dump)["hotpatches"], [], "of one that was never hotpatched")
        check("no hotpatch" in place.run("show", "--core", dump, status=0).stdout, "the text")


@test
def a_core_dump_of_a_process_that_was_half_switched_says_so(place):
    with victim_of(place) as victim:
        place.run("apply", place.patch, "--pid", str(victim.pid),
                  more={"GRAFT_FAULT": "apply-jump:3:kill,recover-begin:*:fail"})
        dump = dumped_by_gdb(place, victim)
        same(looked_at(place, dump, victim.pid)["state"], "incomplete", "state")
        place.run("recover", "--pid", str(victim.pid), "--wait", "30", status=0)


@test
def a_thread_that_died_in_carried_code_is_named(place):
    with victim_of(place) as victim:
        place.apply(victim.pid)
        dump = dumped_by_gdb(place, victim)
        function = shown(place, dump)["hotpatches"][0]["functions"][0]
        with open(dump, "rb") as file:
            data = bytearray(file.read())
        # Lay the first thread of the dump into a carried function: rip of its status.
        note = b"CORE\0\0\0\0"
        for at in (m.start() for m in re.finditer(re.escape(note), bytes(data))):
            if data[at - 4:at] == b"\1\0\0\0":
                rip = at + len(note) + 112 + 16 * 8
                data[rip:rip + 8] = (int(function["new"], 16) + 3).to_bytes(8, "little")
                break
        path = place.write("laid", bytes(data))
        threads = shown(place, path)["hotpatches"][0]["threads_in_carried_code"]
        same([t["behind"] for t in threads], [function["name"]], "who was in carried code")
        text = place.run("show", "--core", path, status=0).stdout
        check(f"0x3 behind the entry of {function['name']}" in text, text)


@test
def gdb_names_carried_code_with_the_file_of_the_hotpatch(place):
    for tool in "gcore", "gdb", "zstd":
        if not shutil.which(tool):
            raise Skip(f"no {tool} here")
    with victim_of(place) as victim:
        place.apply(victim.pid)
        dump = dumped_by_gdb(place, victim)
        hotpatch = shown(place, dump)["hotpatches"][0]
        folder = place.path("unpacked")
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["tar", "-xf", place.patch, "-C", folder], check=True)
        names = os.listdir(f"{folder}/modules")
        elf = f"{folder}/modules/{names[0]}"
        if elf.endswith(".zst"):
            subprocess.run(["zstd", "-qdf", elf], check=True)
            elf = elf[:-len(".zst")]
        asked = [word for f in hotpatch["functions"] for word in ("-ex", f"info symbol {f['new']}")]
        done = subprocess.run(["gdb", "-nx", "-batch", "-ex", "set debuginfod enabled off", "-ex",
                               f"add-symbol-file {elf} -o {hotpatch['shadow_base']}", *asked,
                               place.path("old/victim"), dump], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=False)
        for function in hotpatch["functions"]:
            check(f"{function['name']} in section" in done.stdout, done.stdout)


@test
def what_is_no_core_dump_is_refused(place):
    one_line(place.run("show", "--core", place.old, status=67), "no core dump")
    one_line(place.run("show", "--core", place.path("none"), status=66), "none")
    one_line(place.run("show", "--core", place.dir), place.dir)
    for words in (("--core", place.old, place.patch), ("--core", place.old, "-d"),
                  ("--core", place.old, "--old", place.old), ("--core",)):
        same(place.run("show", *words).returncode, 2, f"status of {words}")
