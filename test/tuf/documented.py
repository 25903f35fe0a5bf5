# SPDX-License-Identifier: Apache-2.0
"""The commands about releases that the README shows, each as it stands there, on a host that has what they
name: a repository in /srv/repo, and the configuration of a device."""
import os
import pty
import re
import shutil
import termios

from carrying import read
from releasing import built, spec, two_months
from stage import ENV, Skip, check, same, test
from victim import until
from writer import GRAFT, PASSPHRASE, Writer

README = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "README.md")
VERBS = "calendar|eligible|release|repo|update|restart|compliance|config"
# What is nothing to do is said by the exit status.
STATUS = {"graft restart status": 3}
# A host of its own as far as these go: nothing is written to the real one. The repository and the folder in
# which one is are below /srv.
SETTING = """set -e
mount -t tmpfs none /mnt
for name in etc var/lib; do
	mkdir -p "/mnt/$name/upper" "/mnt/$name/work"
	mount -t overlay overlay -o "lowerdir=/$name,upperdir=/mnt/$name/upper,workdir=/mnt/$name/work" "/$name"
done
mount --bind "$1" /srv
cd /srv
rm -rf /etc/graft /var/lib/graft
mkdir -p /var/lib/graft
cp -r etc /etc/graft
cp device.conf /var/lib/graft
set +e
shift
for command; do
	printf '\\n--- %s\\n' "$command"
	$command 2>&1
	printf '\\n=== %s\\n' "$?"
done
"""


def commands():
    """The README's commands, without what stands behind them."""
    with open(README, encoding="utf-8") as file:
        lines = re.findall(rf"^    (graft (?:{VERBS}) [^#\n]*?) *#", file.read(), re.M)
    check(len(lines) >= 8, f"only {lines}")
    return lines


def type_at_a_terminal(command, env):
    """Run a command at a terminal of its own, where somebody types the passphrase whenever it is asked for."""
    pid, fd = pty.fork()
    if not pid:
        os.execvpe(command[0], command, env)
    said, answered = "", 0
    while True:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        said += data.decode(errors="replace").replace("\r\n", "\n")
        asked = len(re.findall(r"(?i)passphrase[^\n]*: ?", said))
        if asked > answered:
            answered = asked
            # libcrypto asks, and then turns the echo off.
            until(lambda: not termios.tcgetattr(fd)[3] & termios.ECHO, "the terminal goes on showing what is typed")
            os.write(fd, PASSPHRASE.encode() + b"\n")
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said


@test
def the_commands_of_the_readme_do_what_it_says(place):
    if os.geteuid():
        raise Skip("not root")
    w = Writer(place).init()
    last = two_months(w)
    w.publish()
    spec(w, **last)
    w.write("x.graft", built()["fix13.graft"])
    shutil.copy(w.online, w.path("o.pem"))
    shutil.copy(w.key("targets"), w.path("t.pem"))
    for name in "root.json", "etc/root.json":
        w.write(name, read(w, "public/metadata/1.root.json"))
    w.write("etc/graftd.conf", "repository = file:///srv/repo/public\nreport-name = web-1\n")
    w.write("etc/policy.conf", "live-baseline = 2026-10 2026-12\nspace = 0\n")
    w.write("device.conf", "baseline = 2026-10\nlevel = 2026-10\n")
    # No line leads out of here: the only word that is another one.
    lines = [line.replace("https://example.org/r", "file:///srv/repo/public") for line in commands()]
    status, said = type_at_a_terminal(
        ["unshare", "--mount", "sh", "-c", SETTING, "sh", w.folder, *lines],
        {**ENV, "PATH": f"{os.path.dirname(GRAFT)}:{os.environ['PATH']}"})
    if status and "mount" in said and "---" not in said:
        raise Skip(f"no overlay here: {said.strip()}")
    check(PASSPHRASE not in said, f"the passphrase is shown: {said}")
    whole = said
    said = dict(re.findall(r"\n--- (.*)\n((?:.|\n)*?)(?=\n--- |\Z)", whole))
    same(sorted(said), sorted(lines), f"what was run: {whole}")
    for line, text in said.items():
        same(int(text.rsplit("=== ", 1)[1]), STATUS.get(line, 0), f"{line}: {text}")
    # What they say is what they are there for.
    for start, words in (("graft update", "GP-2026-0005"), ("graft eligible", "hotpatch"), ("graft calendar", "baseline"),
                         ("graft repo mirror", "new, ")):
        line = next(line for line in lines if line.startswith(start))
        check(words in said[line], f"{line}: {said[line]}")
    check(os.path.exists(w.path("web-1.json")), "there is no report")
