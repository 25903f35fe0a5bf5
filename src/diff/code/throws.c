// SPDX-License-Identifier: Apache-2.0

#include "diff/code/throws.h"

#include "diff/code/callee.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
starts_with(const char *str, const char *prefix)
{
	return strncmp(str, prefix, strlen(prefix)) == 0;
}

bool
graft_throws_known(const struct graft_image *image)
{
	size_t count;
	const struct graft_extent *extents = graft_image_extents(image, &count);

	for (size_t i = 0; i < count; i++) {
		if (extents[i].personality || extents[i].lsda)
			return true;
	}
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);
	for (size_t i = 0; i < count; i++) {
		const char *name = symbols[i].name;
		if (symbols[i].defined)
			continue;
		// __cxa_finalize and __cxa_atexit are in every module.
		if (starts_with(name, "_Unwind_") ||
		    starts_with(name, "__cxa_throw") ||
		    starts_with(name, "__cxa_begin_catch") ||
		    starts_with(name, "__cxa_rethrow") ||
		    starts_with(name, "__gxx_personality"))
			return true;
	}
	return false;
}

/** C++ functions that are known not to throw. */
static bool
is_known_nothrow(const char *name)
{
	static const char *const names[] = {
		"_ZdlPv",
		"_ZdlPvm",
		"_ZdaPv",
		"_ZdaPvm",
		"_ZdlPvmSt11align_val_t",
		"_ZSt9terminatev",
		"_ZNSt6localeD1Ev",
		"_ZNSt9exceptionD2Ev",
		"_ZNSt8ios_base4InitD1Ev",
		"_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE10_M_disposeEv",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/** Functions of the C++ runtime (CXXABI_*) that are known not to throw. */
static bool
is_calm_runtime(const char *name)
{
	static const char *const names[] = {
		"__cxa_allocate_exception",
		"__cxa_begin_catch",
		"__cxa_current_exception_type",
		"__cxa_deleted_virtual",
		"__cxa_demangle",
		"__cxa_free_exception",
		"__cxa_get_exception_ptr",
		"__cxa_get_globals",
		"__cxa_get_globals_fast",
		"__cxa_guard_abort",
		"__cxa_guard_release",
		"__cxa_init_primary_exception",
		"__cxa_pure_virtual",
		"__cxa_thread_atexit",
		"__cxa_tm_cleanup",
		"__cxa_uncaught_exception",
		"__cxa_uncaught_exceptions",
		"__dynamic_cast",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/** Say whether an exception may come out of what a module imports. */
static bool
import_may_throw(const char *name, const char *version)
{
	// C++, and Rust.
	if (starts_with(name, "_R"))
		return true;
	if (starts_with(name, "_Z"))
		return !is_known_nothrow(name);
	if (version && starts_with(version, "CXXABI_"))
		return !is_calm_runtime(name);
	// The arithmetic of libgcc, and the unwinder.
	if (version && starts_with(version, "GCC_"))
		return starts_with(name, "_Unwind_");
	if (version && starts_with(version, "GLIBC_"))
		return graft_throws_libc(name);
	// Of another library nothing is known: it may call back, or be C++
	// behind names of C.
	return true;
}

bool
graft_throws_find(const struct graft_code *code, const bool *may, uint32_t func,
		  char *buf, size_t len)
{
	const struct graft_func *f = &code->funcs[func];

	for (uint32_t i = 0; i < f->insn_count; i++) {
		const struct graft_insn *insn = &code->insns[f->first_insn + i];
		if (!(insn->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) ||
		    (insn->flags & GRAFT_INSN_INTERNAL))
			continue;
		// Jumps through registers are mostly jump tables; a tail call
		// leaves no frame behind that an exception could meet.
		bool call = insn->flags & GRAFT_INSN_CALL;
		struct graft_callee callee = graft_callee_of(code, insn);
		if (callee.indirect && call) {
			snprintf(buf, len, "a function through a pointer");
			return true;
		}
		if (callee.import && callee.func == GRAFT_NONE &&
		    import_may_throw(callee.import, callee.version)) {
			snprintf(buf, len, "%s", callee.import);
			return true;
		}
		if (callee.func != GRAFT_NONE && may[callee.func]) {
			graft_code_name(code, callee.func, buf, len);
			return true;
		}
	}
	return false;
}

/** Spread "may throw" from callees to callers. */
static void
spread(const struct graft_code *code, bool *may)
{
	bool again = true;
	char name[64];

	while (again) {
		again = false;
		for (uint32_t i = 0; i < code->func_count; i++) {
			if (may[i] || !graft_throws_find(code, may, i, name,
							 sizeof(name)))
				continue;
			may[i] = true;
			again = true;
		}
	}
}

struct graft_error *
graft_throws_make(const struct graft_code *code, bool **ret)
{
	bool *may = calloc(code->func_count + 1, sizeof(*may));

	if (!may)
		return graft_error_no_memory();
	spread(code, may);
	*ret = may;
	return NULL;
}
