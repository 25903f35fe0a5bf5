// SPDX-License-Identifier: Apache-2.0

#include "proc/bpf.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

enum {
	/** struct seccomp_data is all that a filter can load. */
	DATA_SIZE = sizeof(struct seccomp_data),
	IP_OFF = offsetof(struct seccomp_data, instruction_pointer),
	ARGS_OFF = offsetof(struct seccomp_data, args),
};

/** What a running filter has. */
struct machine {
	uint32_t a;
	uint32_t x;
	uint32_t mem[BPF_MEMWORDS];
};

/** Load a word of the call. @return false if it is not known. */
static bool
load(const struct graft_bpf_call *call, uint32_t off, uint32_t *ret)
{
	if (off % 4 != 0 || off >= DATA_SIZE)
		return false;
	if (off == offsetof(struct seccomp_data, nr)) {
		*ret = call->nr;
		return true;
	}
	if (off == offsetof(struct seccomp_data, arch)) {
		*ret = AUDIT_ARCH_X86_64;
		return true;
	}
	if ((off >= IP_OFF && off < ARGS_OFF) || !call->args_known)
		return false;
	uint64_t arg = call->args[(off - ARGS_OFF) / 8];
	*ret = (uint32_t)(off % 8 ? arg >> 32 : arg);
	return true;
}

/** Do arithmetic. @return false for what the kernel does not take. */
static bool
compute(struct machine *m, uint16_t op, uint32_t by)
{
	switch (op) {
	case BPF_ADD:
		m->a += by;
		return true;
	case BPF_SUB:
		m->a -= by;
		return true;
	case BPF_MUL:
		m->a *= by;
		return true;
	case BPF_DIV:
		// By zero: the kernel ends the filter with 0, which kills.
		if (by == 0)
			return false;
		m->a /= by;
		return true;
	case BPF_AND:
		m->a &= by;
		return true;
	case BPF_OR:
		m->a |= by;
		return true;
	case BPF_XOR:
		m->a ^= by;
		return true;
	case BPF_LSH:
		m->a <<= by & 31;
		return by < 32;
	case BPF_RSH:
		m->a >>= by & 31;
		return by < 32;
	case BPF_NEG:
		m->a = -m->a;
		return true;
	default:
		return false;
	}
}

/** Decide a jump. @return false for what the kernel does not take. */
static bool
compare(const struct machine *m, uint16_t op, uint32_t with, bool *ret)
{
	switch (op) {
	case BPF_JEQ:
		*ret = m->a == with;
		return true;
	case BPF_JGT:
		*ret = m->a > with;
		return true;
	case BPF_JGE:
		*ret = m->a >= with;
		return true;
	case BPF_JSET:
		*ret = (m->a & with) != 0;
		return true;
	default:
		return false;
	}
}

/** Load into one of the registers. @return false if that is not known. */
static bool
load_into(struct machine *m, const struct sock_filter *f,
	  const struct graft_bpf_call *call)
{
	uint32_t *to = BPF_CLASS(f->code) == BPF_LD ? &m->a : &m->x;

	switch (BPF_MODE(f->code)) {
	case BPF_IMM:
		*to = f->k;
		return true;
	case BPF_MEM:
		*to = f->k < BPF_MEMWORDS ? m->mem[f->k] : 0;
		return f->k < BPF_MEMWORDS;
	case BPF_LEN:
		*to = DATA_SIZE;
		return true;
	case BPF_ABS:
		return to == &m->a && BPF_SIZE(f->code) == BPF_W &&
		       load(call, f->k, to);
	default:
		return false;
	}
}

/** Do an instruction that neither jumps nor returns. */
static bool
step(struct machine *m, const struct sock_filter *f,
     const struct graft_bpf_call *call)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
	case BPF_LDX:
		return load_into(m, f, call);
	case BPF_ST:
	case BPF_STX:
		if (f->k >= BPF_MEMWORDS)
			return false;
		m->mem[f->k] = BPF_CLASS(f->code) == BPF_ST ? m->a : m->x;
		return true;
	case BPF_ALU:
		return compute(m, BPF_OP(f->code),
			       BPF_SRC(f->code) == BPF_X ? m->x : f->k);
	case BPF_MISC:
		if (BPF_MISCOP(f->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return true;
	default:
		return false;
	}
}

bool
graft_bpf_run(const struct sock_filter *code, size_t len,
	      const struct graft_bpf_call *call, uint32_t *ret)
{
	struct machine m = { 0 };

	// Jumps go forward only, so this ends.
	for (size_t at = 0; at < len; at++) {
		const struct sock_filter *f = &code[at];
		bool taken;
		if (BPF_CLASS(f->code) == BPF_RET) {
			*ret = BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
			return true;
		}
		if (BPF_CLASS(f->code) != BPF_JMP) {
			if (!step(&m, f, call))
				return false;
			continue;
		}
		if (BPF_OP(f->code) == BPF_JA) {
			at += f->k;
			continue;
		}
		if (!compare(&m, BPF_OP(f->code),
			     BPF_SRC(f->code) == BPF_X ? m.x : f->k, &taken))
			return false;
		at += taken ? f->jt : f->jf;
	}
	return false;
}
