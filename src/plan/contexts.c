// SPDX-License-Identifier: Apache-2.0

#include "plan/contexts.h"

#include "plan/functions.h"
#include "plan/hook.h"
#include "plan/stack_switch.h"
#include "proc/backing.h"
#include "proc/status.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	DYNAMIC_MAX = 64 << 10,
	STRINGS_MAX = 16 << 20,
	CODE_MAX = 512 << 20,
	/** Executable mappings of a module that is known by a key. */
	KEY_CODES = 4,
	/** Numbers of a key in front of theirs. */
	KEY_FIRST = 12,
};

_Static_assert(KEY_FIRST + 3 * KEY_CODES == GRAFT_SIGHTING_KEY,
	       "a key holds both");

/** What a process is looked at with. */
struct search {
	struct graft_target *target;
	const struct graft_maps *maps;
	struct graft_sightings *sightings;
	struct graft_backings *backings;
};

/** Where the names of a module's symbols are; nothing, if it has none. */
struct strings {
	uint64_t addr;
	uint64_t size;
	/** What cannot be read, or is too much to read, may name them. */
	bool unknown;
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

/** Find the dynamic strings of a module. */
GRAFT_MUST_CHECK static struct graft_error *
find_strings(struct graft_target *target, const struct graft_module *module,
	     struct strings *ret)
{
	size_t len = module->dynamic_size < DYNAMIC_MAX ? module->dynamic_size
							: DYNAMIC_MAX;
	GRAFT_FREE uint8_t *dynamic = NULL;

	*ret = (struct strings){ 0 };
	if (!module->dynamic)
		return NULL;
	struct graft_error *err = read_named(target, module->dynamic, len,
					     &dynamic);
	ret->unknown = !dynamic;
	if (err || !dynamic)
		return err;
	for (size_t off = 0; off + sizeof(Elf64_Dyn) <= len;
	     off += sizeof(Elf64_Dyn)) {
		Elf64_Dyn dyn;
		memcpy(&dyn, dynamic + off, sizeof(dyn));
		if (dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_STRTAB)
			ret->addr = dyn.d_un.d_ptr;
		else if (dyn.d_tag == DT_STRSZ)
			ret->size = dyn.d_un.d_val;
	}
	// glibc relocates the entry in place, musl does not.
	if (ret->addr < module->start)
		ret->addr += module->base;
	ret->unknown |= ret->size > STRINGS_MAX;
	return NULL;
}

/** Look at the dynamic strings of one module. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_strings(struct graft_target *target, const struct strings *strings,
		bool *ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	uint64_t size = strings->size;

	if (!size)
		return NULL;
	struct graft_error *err = read_named(target, strings->addr, size,
					     &bytes);
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
	*ret = !code;
	return code ? graft_stack_switch_in(code, map->start, len, functions,
					    count, ret)
		    : NULL;
}

/** Say whether a mapping is executable and of a module; the kernel puts [vdso] and
 * [vsyscall] there. */
static bool
is_code(const struct graft_map *map)
{
	return map->prot & PROT_EXEC && map->path[0] != '[';
}

/** Say whether memory is what stands in the module's file, and nothing else. */
static bool
is_of_file(const struct search *search, const struct graft_module *module,
	   uint64_t addr, uint64_t len)
{
	const struct graft_map *map = graft_maps_at(search->maps, addr);

	return map && map->end - addr >= len && !(map->prot & PROT_WRITE) &&
	       map->dev == module->map->dev &&
	       map->inode == module->map->inode &&
	       graft_backing_shows(search->backings, map);
}

/** Say which file a module has. */
static bool
find_file(const struct search *search, const struct graft_module *module,
	  struct graft_backing *ret)
{
	return graft_backing_name(search->backings, module->map,
				  module->build_id, module->build_id_len,
				  ret) ||
	       graft_backing_read(search->backings, module->map, ret);
}

/**
 * Make the key of all that is looked at in a module: its file, and where in it that is.
 *
 * @return false if the process could have another answer than others have.
 */
static bool
make_key(const struct search *search, const struct graft_module *module,
	 const struct strings *strings, uint64_t key[GRAFT_SIGHTING_KEY])
{
	struct graft_backing file;
	size_t codes = 0;

	if (!search->sightings || !find_file(search, module, &file) ||
	    !is_of_file(search, module, module->start, 1) ||
	    (module->frame_header &&
	     !is_of_file(search, module, module->frame_header, 1)) ||
	    (strings->size &&
	     !is_of_file(search, module, strings->addr, strings->size)))
		return false;
	memset(key, 0, GRAFT_SIGHTING_KEY * sizeof(*key));
	for (size_t i = 0; i < search->maps->count; i++) {
		const struct graft_map *map = &search->maps->maps[i];
		if (!is_code(map) || map->start < module->start ||
		    map->start >= module->end)
			continue;
		if (codes == KEY_CODES ||
		    !is_of_file(search, module, map->start, 1))
			return false;
		uint64_t *at = &key[KEY_FIRST + 3 * codes++];
		at[0] = map->start - module->start;
		at[1] = map->end - map->start;
		at[2] = map->off;
	}
	memcpy(key,
	       (uint64_t[KEY_FIRST]){
		       file.dev, file.inode, file.size, file.changed_ns,
		       file.written_ns, file.uid, file.mounts,
		       module->start - module->base,
		       module->frame_header - module->start,
		       strings->addr - module->start, strings->size, codes },
	       KEY_FIRST * sizeof(*key));
	return true;
}

/** Look at one module, whatever others showed. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_module(const struct search *search, const struct graft_module *module,
	       const struct strings *strings, bool *ret)
{
	GRAFT_FREE struct graft_range *functions = NULL;
	size_t count = 0;
	struct graft_error *err = look_at_strings(search->target, strings, ret);

	if (!err && !*ret)
		err = graft_functions_read(search->target, module, &functions,
					   &count);
	for (size_t i = 0; i < search->maps->count && !err && !*ret; i++) {
		const struct graft_map *map = &search->maps->maps[i];
		if (is_code(map) && map->start >= module->start &&
		    map->start < module->end)
			err = look_at_code(search->target, map, functions,
					   count, ret);
	}
	return err;
}

/** Look at one module, or know it. */
GRAFT_MUST_CHECK static struct graft_error *
ask_module(const struct search *search, const struct graft_module *module,
	   bool *ret)
{
	struct strings strings;
	struct graft_sighting sighting = { .found = false };
	struct graft_error *err = find_strings(search->target, module,
					       &strings);

	*ret |= !err && strings.unknown;
	if (err || *ret)
		return err;
	bool has_key = make_key(search, module, &strings, sighting.key);
	const struct graft_sighting *known =
		has_key ? graft_sightings_find(search->sightings, sighting.key)
			: NULL;
	if (known) {
		*ret = known->found;
		return NULL;
	}
	err = look_at_module(search, module, &strings, &sighting.found);
	if (err)
		return err;
	*ret = sighting.found;
	return has_key ? graft_sightings_keep(search->sightings, &sighting)
		       : NULL;
}

/** Look at code that belongs to no module. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_rest(const struct search *search, const struct graft_modules *modules,
	     bool *ret)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; i < search->maps->count && !err && !*ret; i++) {
		const struct graft_map *map = &search->maps->maps[i];
		if (is_code(map) && !graft_modules_at(modules, map->start))
			err = look_at_code(search->target, map, NULL, 0, ret);
	}
	return err;
}

struct graft_error *
graft_contexts_possible(struct graft_target *target,
			const struct graft_maps *maps,
			const struct graft_modules *modules,
			struct graft_sightings *sightings, bool *ret)
{
	const struct graft_proc_status *status = graft_target_status(target);
	int pidfd = graft_target_pidfd(target);
	GRAFT_CLEANUP(graft_backings_deinit)
	struct graft_backings backings = {
		.pid = graft_target_pid(target),
		.has_pidfd = pidfd >= 0,
		.pidfd = pidfd,
		.has_uid = status,
		.uid = status ? status->uid : 0,
	};
	struct search search = { target, maps, sightings, &backings };
	bool dynamic = false;
	bool found = false;
	struct graft_error *err = NULL;

	for (size_t i = 0; i < modules->count; i++) {
		const struct graft_module *module = &modules->modules[i];
		dynamic |= module->dynamic != 0;
		for (size_t j = 0; j < sizeof(files) / sizeof(files[0]); j++)
			found |= is_file(module, files[j]);
	}
	found |= !dynamic;
	for (size_t i = 0; i < modules->count && !err && !found; i++) {
		if (!is_known(&modules->modules[i]))
			err = ask_module(&search, &modules->modules[i], &found);
	}
	if (!err)
		err = look_at_rest(&search, modules, &found);
	if (!err)
		*ret = found;
	return err;
}
