// SPDX-License-Identifier: Apache-2.0

#include "host/unit.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** Digits of a SHA-256. */
	CONTAINER_ID_LEN = 64,
};

/** What runs containers calls their scopes so: the id follows. And what restarts one: where
 * Kubernetes runs it, it is started anew when it was stopped. */
static const struct container {
	const char *prefix;
	const char *restart;
} containers[] = {
	{ "docker-", "docker restart" },
	{ "libpod-", "podman restart" },
	{ "crio-", "crictl stop" },
	{ "cri-containerd-", "crictl stop" },
	{ "machine-", "machinectl reboot" },
	{ "lxc-", NULL },
};

/** A component of a path. */
struct part {
	const char *at;
	size_t len;
};

void
graft_unit_deinit(struct graft_unit *unit)
{
	free(unit->name);
	free(unit->user);
	*unit = (struct graft_unit){ 0 };
}

/** Take the next component; false: there is none. */
static bool
next_part(const char **path, struct part *ret)
{
	*path += strspn(*path, "/");
	ret->at = *path;
	ret->len = strcspn(*path, "/");
	*path += ret->len;
	return ret->len > 0;
}

static bool
begins(const struct part *part, const char *with)
{
	size_t len = strlen(with);

	return part->len > len && memcmp(part->at, with, len) == 0;
}

static bool
ends(const struct part *part, const char *with)
{
	size_t len = strlen(with);

	return part->len > len &&
	       memcmp(part->at + part->len - len, with, len) == 0;
}

/** Take the first component that is no slice; false: there is none. */
static bool
next_unit(const char **path, struct part *ret)
{
	while (next_part(path, ret)) {
		if (!ends(ret, ".slice"))
			return true;
	}
	return false;
}

/** Find what runs a container by the name of its scope; NULL: it is none. */
static const struct container *
container_of(const struct part *part)
{
	for (size_t i = 0; i < sizeof(containers) / sizeof(*containers); i++) {
		if (ends(part, ".scope") && begins(part, containers[i].prefix))
			return &containers[i];
	}
	return NULL;
}

/** Is it the folder in which docker makes groups without systemd's help? */
static bool
is_dockers(const struct part *part)
{
	return part->len == strlen("docker") &&
	       memcmp(part->at, "docker", part->len) == 0;
}

/** Is it the id of a container, as docker names groups without systemd's help? */
static bool
is_container_id(const struct part *part)
{
	size_t digits = 0;

	while (digits < part->len && isxdigit((unsigned char)part->at[digits]))
		digits++;
	return part->len == CONTAINER_ID_LEN && digits == part->len;
}

/** Is it the manager of a user: "user@1000.service"? */
static bool
is_user_manager(const struct part *part)
{
	return begins(part, "user@") && ends(part, ".service");
}

/** Say what a unit of the system is. */
static enum graft_unit_kind
kind_of(const struct part *part)
{
	if (part->len == strlen("init.scope") && ends(part, ".scope") &&
	    begins(part, "init"))
		return GRAFT_UNIT_INIT;
	if (begins(part, "session-") && ends(part, ".scope"))
		return GRAFT_UNIT_SESSION;
	return ends(part, ".service") || ends(part, ".scope")
		       ? GRAFT_UNIT_SYSTEM
		       : GRAFT_UNIT_NONE;
}

/** Copy a name; a container's without what stands around its id. */
static char *
copy_name(const struct part *part, size_t prefix)
{
	size_t suffix = prefix ? strlen(".scope") : 0;

	return strndup(part->at + prefix, part->len - prefix - suffix);
}

struct graft_error *
graft_unit_parse(const char *cgroup, struct graft_unit *ret)
{
	GRAFT_CLEANUP(graft_unit_deinit) struct graft_unit unit = { 0 };
	struct part part;
	struct part inner;
	const char *path = cgroup;

	*ret = unit;
	if (!next_unit(&path, &part))
		return NULL;
	const struct container *container = container_of(&part);
	const bool dockers = is_dockers(&part);
	unit.kind = container ? GRAFT_UNIT_CONTAINER : kind_of(&part);
	while (unit.kind == GRAFT_UNIT_NONE && next_part(&path, &part)) {
		if (is_container_id(&part)) {
			unit.kind = GRAFT_UNIT_CONTAINER;
			unit.runner = dockers ? "docker restart" : NULL;
		}
	}
	if (is_user_manager(&part) && next_unit(&path, &inner) &&
	    (container_of(&inner) || kind_of(&inner) == GRAFT_UNIT_SYSTEM)) {
		size_t around = strlen("user@") + strlen(".service");
		container = container_of(&inner);
		unit.kind = container ? GRAFT_UNIT_CONTAINER : GRAFT_UNIT_USER;
		unit.user = strndup(part.at + strlen("user@"),
				    part.len - around);
		part = inner;
		if (!unit.user)
			return graft_error_no_memory();
	}
	if (unit.kind == GRAFT_UNIT_NONE)
		return NULL;
	if (container)
		unit.runner = container->restart;
	unit.name = copy_name(&part, container ? strlen(container->prefix) : 0);
	if (!unit.name)
		return graft_error_no_memory();
	*ret = unit;
	unit = (struct graft_unit){ 0 };
	return NULL;
}

/** Append a word so that a shell takes it as it is, and a terminal too. */
static void
put_word(struct graft_text *text, const char *word)
{
	bool plain = true;

	for (const char *at = word; *at; at++)
		plain &= isalnum((unsigned char)*at) || strchr("@._-:", *at);
	if (plain) {
		graft_text_put(text, word);
		return;
	}
	graft_text_put(text, "$'");
	for (const char *at = word; *at; at++) {
		unsigned char c = (unsigned char)*at;
		if (c == '\\' || c == '\'')
			graft_text_printf(text, "\\%c", c);
		else if (isprint(c))
			graft_text_printf(text, "%c", c);
		else
			graft_text_printf(text, "\\x%02x", c);
	}
	graft_text_put(text, "'");
}

/** Append a word that is no option: "-Hhost.service" would be sent to that host. */
static void
put_operand(struct graft_text *text, const char *word)
{
	if (word[0] == '-')
		graft_text_put(text, "-- ");
	put_word(text, word);
}

/** Is it a scope? Who made it started what is in it: systemd could only end that. */
static bool
is_scope(const struct graft_unit *unit)
{
	const struct part part = { unit->name, strlen(unit->name) };

	return ends(&part, ".scope");
}

/** Append that a process is to be started again by who started it. */
static void
put_process(const struct graft_unit *unit, pid_t pid, const char *comm,
	    struct graft_text *text)
{
	graft_text_printf(text, "restart process %d (", (int)pid);
	graft_text_put_safe(text, comm);
	graft_text_put(text, ")");
	if (!unit->name)
		return;
	graft_text_put(text, " of ");
	put_word(text, unit->name);
}

/** Append how a container is restarted, by the user whose it is. */
static void
put_container(const struct graft_unit *unit, struct graft_text *text)
{
	// What systemd writes otherwise, who runs it calls by its own name.
	if (!unit->runner || strchr(unit->name, '\\')) {
		graft_text_put(text, "restart the container ");
		put_word(text, unit->name);
		return;
	}
	if (unit->user) {
		graft_text_put(text, "systemd-run --user --machine=");
		put_word(text, unit->user);
		graft_text_put(text, "@.host ");
	}
	graft_text_printf(text, "%s ", unit->runner);
	put_operand(text, unit->name);
}

void
graft_unit_put_restart(const struct graft_unit *unit, pid_t pid,
		       const char *comm, struct graft_text *text)
{
	if ((unit->kind == GRAFT_UNIT_SYSTEM ||
	     unit->kind == GRAFT_UNIT_USER) &&
	    is_scope(unit)) {
		put_process(unit, pid, comm, text);
		return;
	}
	switch (unit->kind) {
	case GRAFT_UNIT_SYSTEM:
		graft_text_put(text, "systemctl restart ");
		put_operand(text, unit->name);
		break;
	case GRAFT_UNIT_USER:
		graft_text_put(text, "systemctl --user --machine=");
		put_word(text, unit->user);
		graft_text_put(text, "@.host restart ");
		put_operand(text, unit->name);
		break;
	case GRAFT_UNIT_SESSION:
		graft_text_put(text, "log out and in: ");
		put_word(text, unit->name);
		break;
	case GRAFT_UNIT_CONTAINER:
		put_container(unit, text);
		break;
	case GRAFT_UNIT_INIT:
		graft_text_put(text, "systemctl daemon-reexec");
		break;
	case GRAFT_UNIT_NONE:
	default:
		put_process(unit, pid, comm, text);
		break;
	}
}
