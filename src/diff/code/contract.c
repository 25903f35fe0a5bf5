// SPDX-License-Identifier: Apache-2.0

#include "diff/code/contract.h"

#include "diff/code/callee.h"

#include <string.h>

uint64_t
graft_contract_size(const char *name, unsigned argument)
{
	// pthread.h, semaphore.h and threads.h; the first argument of all that
	// begins so.
	static const struct {
		const char *start;
		uint8_t size;
	} families[] = {
		{ "pthread_mutex_", 40 },
		{ "pthread_cond_", 48 },
		{ "pthread_rwlock_", 56 },
		{ "pthread_spin_", 4 },
		{ "pthread_barrier_", 32 },
		{ "pthread_once", 4 },
		{ "sem_", 32 },
		{ "mtx_", 40 },
		{ "cnd_", 48 },
	};
	// sem_open() gets a name, and is given no semaphore.
	static const char *const others[] = { "sem_open", "sem_unlink" };

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (strcmp(name, others[i]) == 0)
			return 0;
	}
	// pthread_cond_wait() and cnd_wait() get a mutex too.
	if (argument == 1 &&
	    (strncmp(name, "pthread_cond_", 13) == 0 ||
	     strncmp(name, "cnd_", 4) == 0) &&
	    strstr(name, "wait"))
		return 40;
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		if (argument == 0 && strncmp(name, families[i].start,
					     strlen(families[i].start)) == 0)
			return families[i].size;
	}
	return 0;
}

/** What one call says of what it gets; 0: nothing, or two things. */
static uint64_t
size_in_call(const struct graft_code *code, const struct graft_flow_call *call)
{
	struct graft_callee callee = graft_callee_of(code,
						     &code->insns[call->insn]);
	uint64_t size = 0;

	for (unsigned i = 0; callee.import && i < GRAFT_FLOW_ARGUMENTS; i++) {
		if (!(call->arguments & 1U << i))
			continue;
		uint64_t one = graft_contract_size(callee.import, i);
		if (!one || (size && size != one))
			return 0;
		size = one;
	}
	return size;
}

struct graft_error *
graft_contract_find(struct graft_flow *flow, uint32_t ref, bool only,
		    uint64_t *ret)
{
	const struct graft_code *code = flow->code;
	const struct graft_ref *r = &code->refs[ref];
	uint32_t func = graft_code_func_at(code, r->at);
	uint64_t size = 0;

	*ret = 0;
	if (r->kind != GRAFT_REF_ADDRESS || func == GRAFT_NONE ||
	    r->insn + 1 >=
		    code->funcs[func].first_insn + code->funcs[func].insn_count)
		return NULL;
	struct graft_error *err = graft_flow_follow(flow, r->insn + 1, r->reg);
	if (err || (only && flow->lost))
		return err;
	for (size_t i = 0; i < flow->call_count; i++) {
		uint64_t one = size_in_call(code, &flow->calls[i]);
		if (only && (!one || (size && size != one)))
			return NULL;
		if (one > size)
			size = one;
	}
	*ret = size;
	return NULL;
}
