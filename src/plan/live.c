// SPDX-License-Identifier: Apache-2.0

#include "plan/live.h"

#include "base/sha256.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	/** Bytes that are read from the process at once. */
	CHUNK = 256 << 10,
	PAGE = 4096,
};

/** Longest range that a hotpatch may expect at once: a large section. */
static const uint64_t expect_max = 256 << 20;

static const uint8_t endbr64[GRAFT_ENDBR_SIZE] = { 0xf3, 0x0f, 0x1e, 0xfa };

/** Put OLD's bytes where the jumps of what is replaced are. */
static void
unjump(const struct graft_header *replaced, uint64_t addr, uint8_t *buf,
       size_t len)
{
	for (uint32_t i = 0; i < replaced->redirect_count; i++) {
		const struct graft_header_redirect *r = &replaced->redirects[i];
		uint64_t jump = r->entry + r->skip;
		if (jump + GRAFT_JUMP_SIZE <= addr || jump >= addr + len)
			continue;
		// Byte by byte: what is read may end within the jump, and a
		// breakpoint in it must be seen.
		for (size_t k = 0; k < GRAFT_JUMP_SIZE; k++) {
			uint64_t at = jump + k;
			if (at >= addr && at < addr + len &&
			    buf[at - addr] == r->jump[k])
				buf[at - addr] = r->original[k];
		}
	}
}

/**
 * Read memory. Of a few bytes the whole pages are read and kept: what is asked for next
 * is mostly in them.
 */
GRAFT_MUST_CHECK static struct graft_error *
read_memory(const struct graft_live_place *place, uint64_t addr, void *buf,
	    size_t len, bool *there_ret)
{
	struct graft_live_window *window = place->window;
	uint64_t first = addr & -(uint64_t)PAGE;
	uint64_t end = (addr + len + PAGE - 1) & -(uint64_t)PAGE;

	if (!window || end < addr || end - first > sizeof(window->bytes))
		return graft_target_try_read(place->target, addr, buf, len,
					     there_ret);
	*there_ret = addr >= window->addr && end - window->addr <= window->len;
	if (!*there_ret) {
		window->len = 0;
		struct graft_error *err = graft_target_try_read(
			place->target, first, window->bytes, end - first,
			there_ret);
		if (err || !*there_ret)
			return err;
		window->addr = first;
		window->len = end - first;
	}
	memcpy(buf, window->bytes + (addr - window->addr), len);
	return NULL;
}

/** Read live bytes; bytes that cannot be read are a difference too. */
GRAFT_MUST_CHECK static struct graft_error *
read_live(const struct graft_live_place *place, uint64_t old_addr, void *buf,
	  size_t len)
{
	uint64_t addr = place->module->base + old_addr;
	bool there;
	struct graft_error *err = read_memory(place, addr, buf, len, &there);

	if (!err && there && place->replaced)
		unjump(place->replaced, addr, buf, len);
	if (err || there)
		return err;
	return graft_error_new(
		GRAFT_ERROR_REFUSED,
		"R-12: %s: 0x%llx: the module cannot be read there",
		place->module->map->path, (unsigned long long)old_addr);
}

/** Say where the live bytes differ, and what it may be. */
GRAFT_MUST_CHECK static struct graft_error *
differ(const struct graft_live_place *place, uint64_t old_addr, uint8_t live)
{
	const struct graft_symbol *symbol = graft_image_symbol_at(place->image,
								  old_addr);
	const struct graft_section *section =
		graft_image_section_at(place->image, old_addr);
	const char *why = "";

	if (live == 0xcc)
		why = " (a breakpoint or uprobe)";
	else if (live == 0xe9)
		why = " (a jump that somebody put there)";
	return graft_error_new(
		GRAFT_ERROR_REFUSED,
		"R-12: %s: 0x%llx in %s%s%s: the live bytes differ from the file%s",
		place->module->map->path, (unsigned long long)old_addr,
		section ? section->name : "no section", symbol ? ", " : "",
		symbol ? symbol->name : "", why);
}

GRAFT_MUST_CHECK static struct graft_error *
check_section(const struct graft_live_place *place,
	      const struct graft_section *section, uint8_t *buf)
{
	for (uint64_t off = 0; off < section->size; off += CHUNK) {
		uint64_t left = section->size - off;
		size_t len = left < CHUNK ? left : CHUNK;
		struct graft_error *err = read_live(place, section->addr + off,
						    buf, len);
		if (err)
			return err;
		if (memcmp(buf, section->bytes + off, len) == 0)
			continue;
		size_t i = 0;
		while (buf[i] == section->bytes[off + i])
			i++;
		return differ(place, section->addr + off + i, buf[i]);
	}
	return NULL;
}

struct graft_error *
graft_live_check_text(const struct graft_live_place *place)
{
	size_t count;
	const struct graft_section *sections =
		graft_image_sections(place->image, &count);
	GRAFT_FREE uint8_t *buf = malloc(CHUNK);
	if (!buf)
		return graft_error_no_memory();

	for (size_t i = 0; i < count; i++) {
		const struct graft_section *section = &sections[i];
		// Tables of the dynamic linker are not compared: it has read
		// them, nobody jumps there, and they need not be paged in.
		bool constant = section->type == SHT_PROGBITS ||
				section->type == SHT_X86_64_UNWIND;
		if (!section->bytes || (section->flags & SHF_WRITE) ||
		    !(section->flags & SHF_ALLOC) || section->relro ||
		    !constant)
			continue;
		struct graft_error *err = check_section(place, section, buf);
		if (err)
			return err;
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
check_entry(const struct graft_live_place *place,
	    const struct graft_patch_module *patch,
	    const struct graft_redirect *redirect)
{
	uint8_t live[GRAFT_INSN_MAX + GRAFT_JUMP_SIZE];
	size_t len = redirect->skip + GRAFT_JUMP_SIZE;
	const uint8_t *stays =
		redirect->behind
			? graft_patch_module_bytes(patch, redirect->new_addr,
						   redirect->skip)
			: endbr64;
	const struct graft_map *map = graft_maps_at(
		place->maps, place->module->base + redirect->old_addr);

	if (len > sizeof(live) || redirect->old_room < len)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "R-11: %s: no room for the jump",
				       redirect->name);
	if (!map || !(map->prot & PROT_EXEC))
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "R-12: %s: its entry is not executable",
				       redirect->name);
	struct graft_error *err = read_live(place, redirect->old_addr, live,
					    len);
	if (err)
		return err;
	if (memcmp(live + redirect->skip, redirect->original,
		   GRAFT_JUMP_SIZE) != 0 ||
	    !stays || memcmp(live, stays, redirect->skip) != 0)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-12: %s: the hotpatch expects other bytes at its entry",
			redirect->name);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
check_expect(const struct graft_live_place *place,
	     const struct graft_expect *expect)
{
	struct graft_error *err;
	uint8_t sha256[GRAFT_SHA256_LEN];

	if (expect->len > expect_max)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "it expects %llu bytes at 0x%llx",
				       (unsigned long long)expect->len,
				       (unsigned long long)expect->old_addr);
	GRAFT_FREE uint8_t *buf = malloc(expect->len + 1);
	if (!buf)
		return graft_error_no_memory();
	err = read_live(place, expect->old_addr, buf, expect->len);
	if (err)
		return err;
	err = graft_sha256(buf, expect->len, sha256);
	if (err)
		return err;
	if (memcmp(sha256, expect->sha256, sizeof(sha256)) != 0)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-12: %s: 0x%llx: the live bytes are not those that the hotpatch expects",
			place->module->map->path,
			(unsigned long long)expect->old_addr);
	return NULL;
}

struct graft_error *
graft_live_check_patch(const struct graft_live_place *place,
		       const struct graft_patch_module *patch)
{
	struct graft_error *err;

	for (size_t i = 0; i < patch->redirect_count; i++) {
		err = check_entry(place, patch, &patch->redirects[i]);
		if (err)
			return err;
	}
	for (size_t i = 0; i < patch->expect_count; i++) {
		err = check_expect(place, &patch->expects[i]);
		if (err)
			return err;
	}
	return NULL;
}

bool
graft_live_is_code(const struct graft_maps *maps, uint64_t addr)
{
	const struct graft_map *map = graft_maps_at(maps, addr);

	return map && (map->prot & PROT_EXEC) &&
	       (map->inode || strcmp(map->path, "[vdso]") == 0);
}

/** Say whether a slot holds what its relocation puts there. */
static bool
slot_ok(const struct graft_live_place *place, const struct graft_reloc *reloc,
	uint64_t value)
{
	const struct graft_symbol *symbol = reloc->symbol;

	switch (reloc->type) {
	case R_X86_64_RELATIVE:
		return value == place->module->base + (uint64_t)reloc->addend;
	case R_X86_64_IRELATIVE:
	case R_X86_64_JUMP_SLOT:
		return graft_live_is_code(place->maps, value) ||
		       (value == 0 && symbol && symbol->bind == STB_WEAK);
	case R_X86_64_GLOB_DAT:
	case R_X86_64_64:
		if (value == 0)
			return symbol && symbol->bind == STB_WEAK;
		if (symbol && symbol->type == STT_FUNC)
			return graft_live_is_code(place->maps, value);
		// An undefined symbol often has no type: code or an object, its
		// one-past-the-end included, of some module.
		return graft_modules_at(place->modules, value) ||
		       graft_modules_at(place->modules, value - 1) ||
		       graft_live_is_code(place->maps, value);
	default:
		// Of the thread block: no address that could be checked.
		return true;
	}
}

struct graft_error *
graft_live_check_slots(const struct graft_live_place *place,
		       const struct graft_patch_module *patch)
{
	for (size_t i = 0; i < patch->old_slot_count; i++) {
		const struct graft_old_slot *slot = &patch->old_slots[i];
		const struct graft_reloc *reloc =
			graft_image_reloc_at(place->image, slot->old_addr);
		uint64_t value;
		struct graft_error *err = read_live(place, slot->old_addr,
						    &value, sizeof(value));
		if (err)
			return err;
		if (!reloc)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"%s: the slot at 0x%llx that the hotpatch names has no relocation",
				place->module->map->path,
				(unsigned long long)slot->old_addr);
		if (!slot_ok(place, reloc, value))
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"R-12: %s: the GOT slot of %s holds 0x%llx, which is no place that the dynamic linker binds it to",
				place->module->map->path,
				slot->symbol ? slot->symbol : "a local object",
				(unsigned long long)value);
	}
	return NULL;
}
