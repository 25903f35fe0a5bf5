# SPDX-License-Identifier: Apache-2.0
"""Processes that may do less than others, or more."""
import os

from programs import program, there_and_back
from stage import Skip, Victim, same, status_of, test

LANDLOCK = r"""
#include <linux/landlock.h>
int main(void)
{
	struct landlock_ruleset_attr all = { .handled_access_fs = (1ULL << 13) - 1 };
	int fd = (int)syscall(444 /* landlock_create_ruleset */, &all, sizeof(all), 0);
	int none = fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		   syscall(446 /* landlock_restrict_self */, fd, 0) != 0;
	if (!none && open("/etc/passwd", O_RDONLY) != -1)
		return 7;
	say("ready\n", 0);
	say(none ? "none\n" : "confined\n", 0);
	for (char c; read(0, &c, 1) == 1;)
		say("answer %ld\n", victim_answer(5));
}
"""


@test
def a_process_that_landlock_lets_open_nothing_is_switched(place):
    with Victim(program(place, "landlocked", LANDLOCK)) as victim:
        if victim.line() == "none":
            raise Skip("this kernel has no Landlock")
        there_and_back(place, victim)
        there_and_back(place, victim)


@test
def a_user_s_process_with_ambient_capabilities_is_switched_and_keeps_them(place):
    made = program(place, "ambient", "int main(void) { serve(); }")
    os.chmod(place.dir, 0o755)
    keep = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Uid")
    with Victim("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                "--inh-caps=+net_raw,+sys_ptrace", "--ambient-caps=+net_raw,+sys_ptrace",
                made) as victim:
        before = status_of(victim.pid)
        same(int(before["CapAmb"], 16), 1 << 13 | 1 << 19, "its ambient capabilities")
        there_and_back(place, victim)
        place.apply(victim.pid)
        after = status_of(victim.pid)
        same({name: after[name] for name in keep}, {name: before[name] for name in keep},
             "its rights")
