// SPDX-License-Identifier: Apache-2.0

#include "host/held.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Does a path begin with one of some folders? */
static bool
is_below(const char *path, const char *const *folders)
{
	for (size_t i = 0; folders[i]; i++) {
		if (strncmp(path, folders[i], strlen(folders[i])) == 0)
			return true;
	}
	return false;
}

void
graft_held_file_deinit(struct graft_held_file *file)
{
	free(file->path);
	free(file->beside);
}

const char *
graft_held_how_name(enum graft_held_how how)
{
	static const char *const names[] = {
		[GRAFT_HELD_MAPPED] = "mapped",
		[GRAFT_HELD_OPEN] = "open",
		[GRAFT_HELD_STARTED_WITH] = "started-with",
		[GRAFT_HELD_UNIT] = "unit",
	};

	return names[how];
}

bool
graft_held_is_static(const char *path)
{
	// hier(7): what lies elsewhere, above all in /var and /tmp, comes and goes.
	static const char *const folders[] = { "/usr/",   "/lib/",    "/lib32/",
					       "/lib64/", "/libx32/", "/bin/",
					       "/sbin/",  "/opt/",    "/etc/",
					       NULL };
	static const char *const others[] = { "/usr/local/", NULL };

	return is_below(path, folders) && !is_below(path, others);
}

/** Does a file begin as ELF files do? What is gone is taken by its name. */
static bool
is_code(const char *path)
{
	char magic[SELFMAG];
	const char *name = strrchr(path, '/');
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		const char *so = name ? strstr(name, ".so") : NULL;
		return so && (so[3] == '\0' || so[3] == '.');
	}
	bool is = pread(fd, magic, sizeof(magic), 0) ==
			  (ssize_t)sizeof(magic) &&
		  memcmp(magic, ELFMAG, SELFMAG) == 0;
	(void)close(fd);
	return is;
}

bool
graft_held_is_idle(const char *path)
{
	static const char *const folders[] = {
		"/usr/share/doc/",
		"/usr/share/man/",
		"/usr/share/info/",
		"/usr/share/lintian/",
		"/usr/share/bug/",
		"/usr/share/doc-base/",
		"/usr/share/bash-completion/",
		"/usr/share/zsh/",
		"/usr/share/fish/",
		"/usr/lib/debug/",
		NULL,
	};

	return is_below(path, folders) || is_code(path);
}

bool
graft_held_is_interpreter(const char *program)
{
	static const char *const names[] = {
		"python", "perl",   "ruby", "php", "node",  "java",
		"mono",   "dotnet", "lua",  "tcl", "guile", "beam",
		"erl",    "R",      "deno", "gjs"
	};
	const char *name = strrchr(program, '/');

	name = name ? name + 1 : program;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}
