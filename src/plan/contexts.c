// SPDX-License-Identifier: Apache-2.0

#include "plan/contexts.h"

#include "plan/functions.h"
#include "plan/hook.h"
#include "plan/stack_switch.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	DYNAMIC_MAX = 64 << 10,
	STRINGS_MAX = 16 << 20,
	CODE_MAX = 512 << 20,
};

/** Functions whose users switch stacks. */
static const char *const makers[] = { "makecontext", "swapcontext" };

/** Functions that leave a stack, whose users may have made it. */
static const char *const jumps[] = { "longjmp", "_longjmp", "siglongjmp",
				     "__longjmp_chk" };

/** Files that switch stacks with code of their own. */
static const char *const files[] = { "libboost_context", "libruby", "libcoro",
				     "libco.so" };

/** Read memory whose address the target itself names; NULL if it is not there. */
GRAFT_MUST_CHECK static struct graft_error *
read_named(struct graft_target *target, uint64_t addr, size_t len,
	   uint8_t **ret)
{
	*ret = NULL;
	GRAFT_FREE uint8_t *bytes = malloc(len + 1);
	if (!bytes)
		return graft_error_no_memory();
	bool there;
	struct graft_error *err = graft_target_try_read(target, addr, bytes,
							len, &there);
	if (!err && there)
		*ret = GRAFT_TAKE(bytes);
	return err;
}

static bool
has_string(const uint8_t *strings, size_t len, const char *name)
{
	// With its NUL: the end of a longer name is no hit either.
	size_t name_len = strlen(name) + 1;
	const uint8_t *at = strings;

	while (at) {
		at = memmem(at, len - (size_t)(at - strings), name, name_len);
		if (at && (at == strings || at[-1] == 0))
			return true;
		at = at ? at + 1 : NULL;
	}
	return false;
}

static bool
is_file(const struct graft_module *module, const char *name)
{
	const char *slash = strrchr(module->map->path, '/');
	const char *file = slash ? slash + 1 : module->map->path;

	return strncmp(file, name, strlen(name)) == 0;
}

/** Look at the dynamic strings of one module. */
GRAFT_MUST_CHECK static struct graft_error *
look(struct graft_target *target, const struct graft_module *module, bool *ret)
{
	struct graft_error *err;
	uint64_t strings = 0;
	uint64_t size = 0;
	size_t len = module->dynamic_size < DYNAMIC_MAX ? module->dynamic_size
							: DYNAMIC_MAX;
	GRAFT_FREE uint8_t *dynamic = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;

	// What cannot be read, or is too much to read, may name them.
	err = read_named(target, module->dynamic, len, &dynamic);
	*ret |= !dynamic;
	if (err || !dynamic)
		return err;
	for (size_t off = 0; off + sizeof(Elf64_Dyn) <= len;
	     off += sizeof(Elf64_Dyn)) {
		Elf64_Dyn dyn;
		memcpy(&dyn, dynamic + off, sizeof(dyn));
		if (dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_STRTAB)
			strings = dyn.d_un.d_ptr;
		else if (dyn.d_tag == DT_STRSZ)
			size = dyn.d_un.d_val;
	}
	// glibc relocates the entry in place, musl does not.
	if (strings < module->start)
		strings += module->base;
	*ret |= size > STRINGS_MAX;
	if (!size || size > STRINGS_MAX)
		return NULL;
	err = read_named(target, strings, size, &bytes);
	*ret |= !bytes;
	if (err || !bytes)
		return err;
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		*ret |= has_string(bytes, size, makers[i]);
	bool other = has_string(bytes, size, "sigaltstack");
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++)
		*ret |= other && has_string(bytes, size, jumps[i]);
	return NULL;
}

/** Files whose use of such things is known: the C library moves stacks for those
 * who ask it to, and who asks is looked for. */
static bool
is_known(const struct graft_module *module)
{
	return is_file(module, "libc.so.") || is_file(module, "libc-2.") ||
	       is_file(module, "ld-linux-") || is_file(module, "ld-2.") ||
	       is_file(module, "libcrypto.so.");
}

/** Look for code that switches stacks in one mapping. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_code(struct graft_target *target, const struct graft_map *map,
	     const struct graft_range *functions, size_t count, bool *ret)
{
	uint64_t len = map->end - map->start;
	GRAFT_FREE uint8_t *code = NULL;

	*ret |= len > CODE_MAX;
	if (*ret)
		return NULL;
	struct graft_error *err = read_named(target, map->start, len, &code);
	if (err)
		return err;
	// Our own, which is mostly a table: distances that look like anything.
	if (code && graft_hook_begins(code, len))
		return NULL;
	*ret |= !code ||
		graft_stack_switch_in(code, map->start, len, functions, count);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
look_at_all_code(struct graft_target *target, const struct graft_maps *maps,
		 const struct graft_modules *modules, bool *ret)
{
	for (size_t i = 0; i < maps->count && !*ret; i++) {
		const struct graft_map *map = &maps->maps[i];
		const struct graft_module *module =
			graft_modules_at(modules, map->start);
		GRAFT_FREE struct graft_range *functions = NULL;
		size_t count = 0;
		// The kernel puts [vdso] and [vsyscall] there.
		if (!(map->prot & PROT_EXEC) || map->path[0] == '[' ||
		    (module && is_known(module)))
			continue;
		struct graft_error *err = NULL;
		if (module)
			err = graft_functions_read(target, module, &functions,
						   &count);
		if (!err)
			err = look_at_code(target, map, functions, count, ret);
		if (err)
			return err;
	}
	return NULL;
}

struct graft_error *
graft_contexts_possible(struct graft_target *target,
			const struct graft_maps *maps,
			const struct graft_modules *modules, bool *ret)
{
	bool dynamic = false;
	bool found = false;

	for (size_t i = 0; i < modules->count && !found; i++) {
		const struct graft_module *module = &modules->modules[i];
		if (module->dynamic)
			dynamic = true;
		for (size_t j = 0; j < sizeof(files) / sizeof(files[0]); j++)
			found |= is_file(module, files[j]);
		if (!module->dynamic || is_known(module))
			continue;
		struct graft_error *err = look(target, module, &found);
		if (err)
			return err;
	}
	found |= !dynamic;
	struct graft_error *err = look_at_all_code(target, maps, modules,
						   &found);
	if (!err)
		*ret = found;
	return err;
}
