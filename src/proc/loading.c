// SPDX-License-Identifier: Apache-2.0

#include "proc/loading.h"

#include "proc/status.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	PAGE = 4096,
	/** Looks, 0.1 ms apart, at a thread that is about to wait. */
	LOOKS = 20,
	HEADERS_MAX = 64,
	/** System calls that loading may take; each file is some ten of them. */
	CALLS_MAX = 20000,
};

/** A system call of a thread that is being led. */
struct call {
	uint64_t nr;
	uint64_t args[6];
	int64_t result;
};

/** How far a thread is with the library. */
struct lead {
	struct graft_target *target;
	size_t index;
	const struct graft_loading *loading;
	/** What the open gave; -1: it was closed. */
	int64_t fd;
	/** Some of it is mapped as code. */
	bool mapped;
	struct call call;
};

/** Find where the dynamic linker of a process is mapped. @return 0: there is none. */
static uint64_t
read_linker(pid_t pid)
{
	union {
		char text[4096];
		Elf64_auxv_t auxv[4096 / sizeof(Elf64_auxv_t)];
	} u;
	ssize_t len = graft_proc_slurp(u.text, sizeof(u.text), "/proc/%d/auxv",
				       (int)pid);

	for (size_t i = 0; len > 0 && i < (size_t)len / sizeof(u.auxv[0]);
	     i++) {
		if (u.auxv[i].a_type == AT_BASE)
			return u.auxv[i].a_un.a_val;
	}
	return 0;
}

/** Read which system call a thread waits in, and where it was made. */
static bool
read_call(pid_t tid, uint64_t *nr_ret, uint64_t *pc_ret)
{
	char text[512];
	char *end = NULL;

	for (int i = 0; i < LOOKS; i++) {
		ssize_t len = graft_proc_slurp(text, sizeof(text),
					       "/proc/%d/syscall", (int)tid);
		if (len <= 0)
			return false;
		long nr = strtol(text, &end, 10);
		const char *pc = strrchr(text, ' ');
		if (end != text && pc && nr >= 0) {
			*nr_ret = (uint64_t)nr;
			*pc_ret = strtoull(pc, NULL, 16);
			return true;
		}
		// "running": it was told of before it waits.
		(void)usleep(100);
	}
	return false;
}

static bool
is_same_file(const struct graft_map *a, const struct graft_map *b)
{
	return a->inode == b->inode && a->dev == b->dev && a->inode;
}

bool
graft_loading_is_opening(pid_t pid, pid_t tid, struct graft_loading *ret)
{
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	uint64_t nr;
	uint64_t pc;

	// Of a 32-bit process these numbers are other calls; it is refused later.
	if (!read_call(tid, &nr, &pc) ||
	    (nr != SYS_openat && nr != SYS_open && nr != SYS_openat2))
		return false;
	uint64_t linker = read_linker(pid);
	if (!linker)
		return false;
	struct graft_error *err = graft_maps_read(pid, &maps);
	graft_error_free(err);
	if (err)
		return false;
	const struct graft_map *of_call = graft_maps_at(maps, pc);
	const struct graft_map *of_linker = graft_maps_at(maps, linker);
	if (!of_call || !of_linker || !is_same_file(of_call, of_linker))
		return false;
	*ret = (struct graft_loading){ .linker = linker };
	return true;
}

/** Read the program headers of what begins at a mapping. @return How many. */
static size_t
read_headers(struct graft_target *target, const struct graft_map *map,
	     Elf64_Phdr headers[HEADERS_MAX], struct graft_error **err_ret)
{
	Elf64_Ehdr header;
	bool there = false;

	*err_ret = graft_target_try_read(target, map->start, &header,
					 sizeof(header), &there);
	if (*err_ret || !there ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_phentsize != sizeof(*headers) ||
	    header.e_phnum > HEADERS_MAX || header.e_phoff > PAGE)
		return 0;
	*err_ret = graft_target_try_read(
		target, map->start + header.e_phoff, headers,
		header.e_phnum * sizeof(*headers), &there);
	return *err_ret || !there ? 0 : header.e_phnum;
}

/** Say whether what begins at a mapping can still be written where it must not be. */
static bool
is_open(const struct graft_maps *maps, const struct graft_map *map,
	const Elf64_Phdr *headers, size_t count)
{
	uint64_t bias = map->start;
	bool any = false;

	for (size_t i = 0; i < count && !any; i++) {
		any = headers[i].p_type == PT_LOAD;
		if (any)
			bias -= headers[i].p_vaddr & ~(uint64_t)(PAGE - 1);
	}
	for (size_t i = 0; any && i < count; i++) {
		if (headers[i].p_type != PT_GNU_RELRO)
			continue;
		uint64_t start = bias + headers[i].p_vaddr;
		// As the linker rounds: what ends within a page leaves that one.
		uint64_t end = (start + headers[i].p_memsz) &
			       ~(uint64_t)(PAGE - 1);
		start &= ~(uint64_t)(PAGE - 1);
		const struct graft_map *at =
			start < end ? graft_maps_at(maps, start) : NULL;
		if (at && at->prot & PROT_WRITE)
			return true;
	}
	return false;
}

struct graft_error *
graft_loading_is_done(struct graft_target *target,
		      const struct graft_loading *loading,
		      const struct graft_maps *maps, bool *ret)
{
	Elf64_Phdr headers[HEADERS_MAX];
	bool done = true;

	for (size_t i = 0; done && i < maps->count; i++) {
		const struct graft_map *map = &maps->maps[i];
		struct graft_error *err = NULL;
		// The linker relocates itself first and, as the C library has it, last.
		if (map->off != 0 || !map->inode || !(map->prot & PROT_READ) ||
		    map->start == loading->linker)
			continue;
		size_t count = read_headers(target, map, headers, &err);
		if (err)
			return err;
		done = !is_open(maps, map, headers, count);
	}
	*ret = done;
	return NULL;
}

struct graft_error *
graft_target_is_loading(struct graft_target *target, bool *ret)
{
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	struct graft_loading loading = { .linker = read_linker(target->pid) };
	bool done = true;
	struct graft_error *err = NULL;

	if (loading.linker)
		err = graft_maps_read(target->pid, &maps);
	if (!err && loading.linker)
		err = graft_loading_is_done(target, &loading, maps, &done);
	if (err)
		return err;
	*ret = !done;
	return NULL;
}

/** Go on to the next entry or exit of a system call. */
static bool
next_stop(struct lead *lead, uint64_t deadline_ns)
{
	struct graft_target *target = lead->target;

	for (;;) {
		struct graft_tracee *tracee = &target->tracees[lead->index];
		if (ptrace(PTRACE_SYSCALL, tracee->tid, NULL,
			   (long)tracee->sig) != 0)
			return false;
		tracee->state = GRAFT_TRACEE_RUNNING;
		if (!graft_tracee_wait_until(target, lead->index,
					     deadline_ns) ||
		    target->state == GRAFT_TARGET_GONE)
			return false;
		tracee = &target->tracees[lead->index];
		if (tracee->at_syscall)
			return true;
		// The whole process was stopped by somebody: it is not kept from that.
		if (tracee->group_stop || graft_tracee_now_ns() >= deadline_ns)
			return false;
	}
}

/** Go on to the exit of the next system call. */
static bool
next_call(struct lead *lead, uint64_t deadline_ns)
{
	struct __ptrace_syscall_info info;
	pid_t tid = lead->target->tracees[lead->index].tid;

	for (;;) {
		if (!next_stop(lead, deadline_ns) ||
		    ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <=
			    0)
			return false;
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
			lead->call.nr = info.entry.nr;
			memcpy(lead->call.args, info.entry.args,
			       sizeof(lead->call.args));
			continue;
		}
		if (info.op != PTRACE_SYSCALL_INFO_EXIT)
			return false;
		lead->call.result = info.exit.is_error ? -1 : info.exit.rval;
		return true;
	}
}

/** Say whether the call that was made is the one behind which all is relocated. */
static bool
is_last(struct lead *lead)
{
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	bool done = false;

	if (!lead->mapped || lead->call.nr != SYS_mprotect ||
	    lead->call.args[2] != PROT_READ || lead->call.result != 0)
		return false;
	struct graft_error *err = graft_maps_read(lead->target->pid, &maps);
	if (!err)
		err = graft_loading_is_done(lead->target, lead->loading, maps,
					    &done);
	graft_error_free(err);
	return !err && done;
}

/** Take what a call did to the library. @return false: it is not being loaded. */
static bool
take_call(struct lead *lead)
{
	const struct call *call = &lead->call;

	if (lead->fd < 0)
		return true;
	if (call->nr == SYS_mmap && (int32_t)call->args[4] == lead->fd &&
	    call->result != -1)
		lead->mapped |= (call->args[2] & PROT_EXEC) != 0;
	if (call->nr != SYS_close || (int32_t)call->args[0] != lead->fd)
		return true;
	// Closed without being mapped: it was there already, or is not wanted.
	lead->fd = -1;
	return lead->mapped;
}

bool
graft_loading_lead(struct graft_target *target, size_t index,
		   const struct graft_loading *loading, uint64_t deadline_ns)
{
	struct lead lead = { .target = target,
			     .index = index,
			     .loading = loading };
	struct user_regs_struct regs;

	if (target->tracees[index].state != GRAFT_TRACEE_STOPPED &&
	    !graft_tracee_wait_until(target, index, deadline_ns))
		return false;
	if (target->state == GRAFT_TARGET_GONE ||
	    target->tracees[index].event != PTRACE_EVENT_STOP ||
	    target->tracees[index].group_stop ||
	    ptrace(PTRACE_GETREGS, target->tracees[index].tid, NULL, &regs) !=
		    0)
		return false;
	lead.fd = (int64_t)regs.rax;
	if (lead.fd < 0)
		return false;
	for (int i = 0; i < CALLS_MAX; i++) {
		if (!next_call(&lead, deadline_ns) || !take_call(&lead))
			return false;
		if (is_last(&lead))
			return true;
	}
	return false;
}
