// SPDX-License-Identifier: Apache-2.0

#include "proc/room.h"

#include <string.h>
#include <sys/mman.h>

enum {
	/** Code segment of 64-bit user code (kernel's asm/segment.h). */
	USER_CS = 0x33,
	/** PTRACE_GET_RSEQ_CONFIGURATION, since Linux 5.13. */
	GET_RSEQ = 0x420f,
	/** Offset of rseq_cs in struct rseq (linux/rseq.h). */
	RSEQ_CS_OFF = 8,
};

/** struct ptrace_rseq_configuration of linux/ptrace.h. */
struct rseq_config {
	uint64_t addr;
	uint32_t len;
	uint32_t signature;
	uint32_t flags;
	uint32_t pad;
};

/** struct rseq_cs of linux/rseq.h. */
struct sequence {
	uint32_t version;
	uint32_t flags;
	uint64_t start;
	uint64_t len;
	uint64_t abort;
};

/** Read memory of the target, or say that it cannot be read. */
static bool
read_memory(struct graft_target *target, uint64_t addr, void *buf, size_t len)
{
	struct graft_error *err = graft_target_read(target, addr, buf, len);
	graft_error_free(err);
	return !err;
}

bool
graft_room_is_calm(struct graft_target *target, pid_t tid,
		   const struct user_regs_struct *regs)
{
	if (regs->cs != USER_CS)
		return false;
	struct rseq_config config = { 0 };
	if (ptrace((enum __ptrace_request)GET_RSEQ, tid, sizeof(config),
		   &config) != (long)sizeof(config) ||
	    config.addr == 0)
		return true;
	uint64_t at;
	struct sequence sequence;
	if (!read_memory(target, config.addr + RSEQ_CS_OFF, &at, sizeof(at)))
		return false;
	return at == 0 ||
	       (read_memory(target, at, &sequence, sizeof(sequence)) &&
		regs->rip - sequence.start >= sequence.len);
}

/** Ask for a mapping at an address. @return false if there is none. */
static bool
find(struct graft_vmas *vmas, uint64_t addr, struct graft_vma *ret)
{
	bool found = false;
	struct graft_error *err = graft_vmas_next(vmas, addr, ret, &found);

	graft_error_free(err);
	return !err && found && ret->start <= addr;
}

bool
graft_room_below(struct graft_vmas *vmas, const struct user_regs_struct *regs,
		 uint64_t addr)
{
	struct graft_vma vma;
	struct graft_vma guard;
	char name[GRAFT_VMA_NAME_SIZE];
	if (!find(vmas, regs->rsp - 1, &vma) || addr < vma.start ||
	    addr >= regs->rsp || !(vma.prot & PROT_WRITE) || vma.shared ||
	    vma.inode)
		return false;
	// A stack that would have to grow first cannot be written from outside
	// (the kernel grows it only for its owner): not usable now.
	struct graft_error *err = graft_vmas_name(vmas, &vma, name);
	graft_error_free(err);
	if (err || strcmp(name, "[stack]") == 0)
		return !err;
	return name[0] == '\0' && regs->fs_base > regs->rsp &&
	       regs->fs_base < vma.end && find(vmas, vma.start - 1, &guard) &&
	       guard.prot == PROT_NONE;
}

void
graft_room_mend(struct graft_target *target, size_t index)
{
	struct user_regs_struct regs;
	const struct graft_tracee *tracee = &target->tracees[index];
	if (tracee->state == GRAFT_TRACEE_STOPPED &&
	    ptrace(PTRACE_GETREGS, tracee->tid, NULL, &regs) == 0)
		graft_tracee_mend(tracee, &regs);
}
