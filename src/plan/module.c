// SPDX-License-Identifier: Apache-2.0

#include "plan/module.h"

#include "base/vec.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PAGE = 4096,
	/** Most program headers that are looked at; all are in the first page. */
	PHDR_MAX = 64,
	/** Most bytes of a PT_NOTE that are looked at. */
	NOTE_MAX = 4096,
};

/** Longest span of a module: what a small code model can address. */
static const uint64_t span_max = INT32_MAX;

/** Find NT_GNU_BUILD_ID among notes. Returns its offset, or -1. */
static int64_t
find_build_id(const uint8_t *notes, size_t len, size_t *id_len_ret)
{
	size_t off = 0;

	while (len - off >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		memcpy(&note, notes + off, sizeof(note));
		size_t name = off + sizeof(note);
		size_t name_len = ((size_t)note.n_namesz + 3) & ~(size_t)3;
		size_t desc_len = ((size_t)note.n_descsz + 3) & ~(size_t)3;
		if (name_len > len - name || desc_len > len - name - name_len)
			return -1;
		size_t desc = name + name_len;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(notes + name, "GNU", 4) == 0 && note.n_descsz &&
		    note.n_descsz <= GRAFT_PATCH_BUILD_ID_MAX) {
			*id_len_ret = note.n_descsz;
			return (int64_t)desc;
		}
		off = desc + desc_len;
	}
	return -1;
}

/** The beginning of a module, where nearly all is that is asked for. */
struct first {
	uint64_t addr;
	size_t len;
	uint8_t bytes[PAGE];
};

/** Read memory of a module. @param[out] there_ret It could be read. */
GRAFT_MUST_CHECK static struct graft_error *
read_at(struct graft_target *target, const struct first *first, uint64_t addr,
	void *buf, size_t len, bool *there_ret)
{
	uint64_t off = addr - first->addr;

	if (off > first->len || len > first->len - off)
		return graft_target_try_read(target, addr, buf, len, there_ret);
	memcpy(buf, first->bytes + off, len);
	*there_ret = true;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_note(struct graft_target *target, const struct first *first,
	  const Elf64_Phdr *ph, struct graft_module *module)
{
	uint8_t notes[NOTE_MAX];
	size_t len = ph->p_filesz < NOTE_MAX ? ph->p_filesz : NOTE_MAX;
	uint64_t addr = module->base + ph->p_vaddr;
	size_t id_len = 0;
	bool there;

	struct graft_error *err = read_at(target, first, addr, notes, len,
					  &there);
	if (err || !there || module->build_id_len)
		return err;
	int64_t off = find_build_id(notes, len, &id_len);
	if (off < 0)
		return NULL;
	memcpy(module->build_id, notes + off, id_len);
	module->build_id_len = id_len;
	module->build_id_addr = addr + (uint64_t)off;
	return NULL;
}

/** Take span and bias from the PT_LOADs; false if they make no module. */
static bool
take_loads(const Elf64_Phdr *phdrs, size_t count, struct graft_module *module)
{
	uint64_t low = UINT64_MAX;
	uint64_t high = 0;
	bool exec = false;

	for (size_t i = 0; i < count; i++) {
		const Elf64_Phdr *ph = &phdrs[i];
		uint64_t end;
		if (ph->p_type != PT_LOAD)
			continue;
		if (__builtin_add_overflow(ph->p_vaddr, ph->p_memsz, &end) ||
		    end > UINT64_MAX - PAGE)
			return false;
		exec |= ph->p_flags & PF_X;
		// The mapping at file offset 0 tells the bias. A tiny file may
		// have a second one; the lower address is the header's.
		if (ph->p_offset < PAGE && ph->p_vaddr < low)
			low = ph->p_vaddr & ~(uint64_t)(PAGE - 1);
		high = end > high ? end : high;
	}
	if (low == UINT64_MAX || high <= low || high - low > span_max || !exec)
		return false;
	module->base = module->start - low;
	module->end = module->base +
		      ((high + PAGE - 1) & ~(uint64_t)(PAGE - 1));
	return module->end > module->start;
}

/** Say whether executable code of the same file is mapped in the span. */
static bool
has_code(const struct graft_maps *maps, const struct graft_module *module)
{
	for (size_t i = 0; i < maps->count; i++) {
		const struct graft_map *map = &maps->maps[i];
		if (map->start >= module->start && map->end <= module->end &&
		    (map->prot & PROT_EXEC) &&
		    map->inode == module->map->inode &&
		    map->dev == module->map->dev)
			return true;
	}
	return false;
}

GRAFT_MUST_CHECK static struct graft_error *
read_phdrs(struct graft_target *target, const struct graft_map *map,
	   struct first *first, Elf64_Phdr *phdrs, size_t *count_ret)
{
	Elf64_Ehdr eh;
	bool there;

	*count_ret = 0;
	first->addr = map->start;
	first->len = 0;
	struct graft_error *err = graft_target_try_read(
		target, map->start, first->bytes, PAGE, &there);
	if (err || !there)
		return err;
	first->len = PAGE;
	memcpy(&eh, first->bytes, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_machine != EM_X86_64 ||
	    eh.e_phentsize != sizeof(Elf64_Phdr) || eh.e_phnum > PHDR_MAX ||
	    eh.e_phoff > map->end - map->start)
		return NULL;
	size_t len = eh.e_phnum * sizeof(Elf64_Phdr);
	err = read_at(target, first, map->start + eh.e_phoff, phdrs, len,
		      &there);
	if (!err && there)
		*count_ret = eh.e_phnum;
	return err;
}

/** Read one module. @param[out] ok_ret It is one. */
GRAFT_MUST_CHECK static struct graft_error *
read_module(struct graft_target *target, const struct graft_maps *maps,
	    const struct graft_map *map, struct graft_module *ret, bool *ok_ret)
{
	Elf64_Phdr phdrs[PHDR_MAX];
	size_t count;
	struct first first;
	struct graft_module module = { .map = map, .start = map->start };

	*ok_ret = false;
	struct graft_error *err = read_phdrs(target, map, &first, phdrs,
					     &count);
	if (err)
		return err;
	if (!take_loads(phdrs, count, &module) || !has_code(maps, &module))
		return NULL;
	for (size_t i = 0; i < count && !err; i++) {
		if (phdrs[i].p_type == PT_DYNAMIC) {
			module.dynamic = module.base + phdrs[i].p_vaddr;
			module.dynamic_size = phdrs[i].p_memsz;
		} else if (phdrs[i].p_type == PT_GNU_EH_FRAME) {
			module.frame_header = module.base + phdrs[i].p_vaddr;
		} else if (phdrs[i].p_type == PT_INTERP) {
			module.interp = true;
		} else if (phdrs[i].p_type == PT_NOTE) {
			err = read_note(target, &first, &phdrs[i], &module);
		}
	}
	if (err)
		return err;
	*ret = module;
	*ok_ret = true;
	return NULL;
}

/** Say whether a mapping belongs to the module that was found last. */
static bool
inside_last(const struct graft_modules *modules, const struct graft_map *map)
{
	const struct graft_module *last =
		modules->count ? &modules->modules[modules->count - 1] : NULL;

	return last && map->start < last->end &&
	       map->inode == last->map->inode && map->dev == last->map->dev;
}

struct graft_error *
graft_modules_read(struct graft_target *target, const struct graft_maps *maps,
		   struct graft_modules **ret)
{
	size_t cap = 0;
	GRAFT_CLEANUP(graft_modules_freep)
	struct graft_modules *modules = calloc(1, sizeof(*modules));
	if (!modules)
		return graft_error_no_memory();

	for (size_t i = 0; i < maps->count; i++) {
		const struct graft_map *map = &maps->maps[i];
		if (map->off != 0 || !map->inode || !(map->prot & PROT_READ) ||
		    inside_last(modules, map))
			continue;
		struct graft_error *err = graft_vec_reserve(
			&modules->modules, &cap, modules->count + 1,
			sizeof(*modules->modules));
		if (err)
			return err;
		bool ok;
		err = read_module(target, maps, map,
				  &modules->modules[modules->count], &ok);
		if (err)
			return err;
		modules->count += ok;
	}
	*ret = GRAFT_TAKE(modules);
	return NULL;
}

void
graft_modules_free(struct graft_modules *modules)
{
	if (!modules)
		return;
	free(modules->modules);
	free(modules);
}

const struct graft_module *
graft_modules_at(const struct graft_modules *modules, uint64_t addr)
{
	for (size_t i = 0; i < modules->count; i++) {
		const struct graft_module *module = &modules->modules[i];
		if (addr >= module->start && addr < module->end)
			return module;
	}
	return NULL;
}

bool
graft_module_is(const struct graft_module *module, const uint8_t *build_id,
		size_t build_id_len)
{
	return build_id_len && module->build_id_len == build_id_len &&
	       memcmp(module->build_id, build_id, build_id_len) == 0;
}
