// SPDX-License-Identifier: Apache-2.0

#include "patch/addresses.h"

#include "base/vec.h"

#include <elf.h>
#include <string.h>

enum {
	CALL = 0xe8,
	JUMP = 0xe9,
	TWO_BYTES = 0x0f,
	JUMP_IF = 0x80,
	LEA = 0x8d,
	/** Of a ModR/M byte: the operand is `disp32(%rip)`. */
	MODRM_MASK = 0xc7,
	MODRM_RIP = 0x05,
	/** Of `.eh_frame_hdr`: where its table begins. */
	FRAMES_TABLE = 12,
	FRAMES_POINTER = 4,
	/** DW_EH_PE_pcrel | DW_EH_PE_sdata4, DW_EH_PE_datarel | DW_EH_PE_sdata4. */
	FROM_HERE = 0x1b,
	FROM_TABLE = 0x3b,
	/** No file has its code below: small numbers are not taken for addresses. */
	LOWEST = 0x1000,
};

/** What is looked for in a file. */
struct finding {
	const uint8_t *bytes;
	size_t len;
	const struct graft_layout *layout;
	struct graft_addresses *found;
	/** Addresses that code takes with `lea`: where tables of jumps may begin. */
	uint64_t *taken;
	size_t taken_count;
	size_t taken_cap;
};

static void
finding_deinit(struct finding *f)
{
	free(f->taken);
}

static uint64_t
read_int32(const uint8_t *at)
{
	int32_t value;

	memcpy(&value, at, sizeof(value));
	return (uint64_t)(int64_t)value;
}

static uint64_t
read_uint64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static bool
read_header(const uint8_t *bytes, size_t len, Elf64_Ehdr *ret)
{
	static const uint8_t ident[] = { ELFMAG0, ELFMAG1,    ELFMAG2,
					 ELFMAG3, ELFCLASS64, ELFDATA2LSB };

	if (len < sizeof(*ret) || len > GRAFT_ADDRESSES_FILE_MAX ||
	    memcmp(bytes, ident, sizeof(ident)) != 0)
		return false;
	memcpy(ret, bytes, sizeof(*ret));
	return ret->e_machine == EM_X86_64 &&
	       (ret->e_type == ET_DYN || ret->e_type == ET_EXEC) &&
	       ret->e_phentsize == sizeof(Elf64_Phdr) && ret->e_phoff <= len &&
	       ret->e_phnum <= (len - ret->e_phoff) / sizeof(Elf64_Phdr);
}

bool
graft_layout_read(const uint8_t *bytes, size_t len, struct graft_layout *ret)
{
	struct graft_layout layout = { 0 };
	Elf64_Ehdr header;
	uint64_t end = 0;

	if (!read_header(bytes, len, &header))
		return false;
	for (size_t i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr ph;
		memcpy(&ph, bytes + header.e_phoff + i * sizeof(ph),
		       sizeof(ph));
		if (ph.p_type == PT_GNU_EH_FRAME) {
			layout.frames_addr = ph.p_vaddr;
			layout.frames_size = ph.p_filesz;
		}
		if (ph.p_type != PT_LOAD)
			continue;
		if (layout.count == GRAFT_LAYOUT_LOADS_MAX ||
		    ph.p_offset > len || ph.p_filesz > len - ph.p_offset ||
		    ph.p_memsz < ph.p_filesz || ph.p_vaddr > INT64_MAX ||
		    ph.p_memsz > INT64_MAX || ph.p_offset < end)
			return false;
		end = ph.p_offset + ph.p_filesz;
		layout.loads[layout.count++] = (struct graft_load){
			.off = ph.p_offset,
			.addr = ph.p_vaddr,
			.size = ph.p_filesz,
			.mem_size = ph.p_memsz,
			.code = ph.p_flags & PF_X,
		};
	}
	*ret = layout;
	return layout.count > 0;
}

const struct graft_load *
graft_layout_find_off(const struct graft_layout *layout, uint64_t off)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct graft_load *load = &layout->loads[i];
		if (off - load->off < load->size)
			return load;
	}
	return NULL;
}

const struct graft_load *
graft_layout_find_addr(const struct graft_layout *layout, uint64_t addr)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct graft_load *load = &layout->loads[i];
		if (addr - load->addr < load->mem_size)
			return load;
	}
	return NULL;
}

static bool
is_code(const struct finding *f, uint64_t addr)
{
	const struct graft_load *load = graft_layout_find_addr(f->layout, addr);

	return load && load->code;
}

/** Get where in the file an address is, if so many bytes from there are in it. */
static bool
find_bytes(const struct finding *f, uint64_t addr, uint64_t count,
	   uint64_t *ret)
{
	const struct graft_load *load = graft_layout_find_addr(f->layout, addr);

	if (!load || addr - load->addr >= load->size ||
	    load->size - (addr - load->addr) < count)
		return false;
	*ret = addr - load->addr + load->off;
	return true;
}

static struct graft_error *
add(struct finding *f, uint64_t off, enum graft_address_kind kind,
    uint64_t table)
{
	struct graft_addresses *found = f->found;
	struct graft_error *err = graft_vec_reserve(&found->items, &found->cap,
						    found->count + 1,
						    sizeof(*found->items));

	if (!err)
		found->items[found->count++] = (struct graft_address){
			.off = (uint32_t)off,
			.table = (uint32_t)table,
			.kind = kind,
		};
	return err;
}

static struct graft_error *
add_taken(struct finding *f, uint64_t addr)
{
	struct graft_error *err = graft_vec_reserve(&f->taken, &f->taken_cap,
						    f->taken_count + 1,
						    sizeof(*f->taken));

	if (!err)
		f->taken[f->taken_count++] = addr;
	return err;
}

/** Branches, and operands that are relative to the instruction pointer. */
static struct graft_error *
find_in_code(struct finding *f, const struct graft_load *load)
{
	struct graft_error *err = NULL;

	for (uint64_t i = 1; !err && i + 4 <= load->size; i++) {
		const uint8_t *at = f->bytes + load->off + i;
		const uint64_t to = load->addr + i + 4 + read_int32(at);
		const uint8_t two = i > 1 ? at[-2] : 0;
		bool is = false;
		if (at[-1] == CALL || at[-1] == JUMP ||
		    (two == TWO_BYTES && (at[-1] & 0xf0) == JUMP_IF))
			is = is_code(f, to);
		if (!is && (at[-1] & MODRM_MASK) == MODRM_RIP) {
			is = graft_layout_find_addr(f->layout, to) != NULL;
			if (is && two == LEA && to % 4 == 0)
				err = add_taken(f, to);
		}
		if (is && !err) {
			err = add(f, load->off + i, GRAFT_ADDRESS_NEXT, 0);
			i += 3;
		}
	}
	return err;
}

static struct graft_error *
find_in_data(struct finding *f, const struct graft_load *load)
{
	struct graft_error *err = NULL;

	for (uint64_t i = 0; !err && i + 8 <= load->size; i += 8) {
		uint64_t value = read_uint64(f->bytes + load->off + i);
		if (value >= LOWEST && graft_layout_find_addr(f->layout, value))
			err = add(f, load->off + i, GRAFT_ADDRESS_WHOLE, 0);
	}
	return err;
}

static int
compare_taken(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return (*x > *y) - (*x < *y);
}

/** Tables of jumps: as many entries as lead to code, up to what else is taken. */
static struct graft_error *
find_tables(struct finding *f)
{
	struct graft_error *err = NULL;

	if (f->taken_count)
		qsort(f->taken, f->taken_count, sizeof(*f->taken),
		      compare_taken);
	for (size_t i = 0; !err && i < f->taken_count; i++) {
		const uint64_t table = f->taken[i];
		uint64_t begin;
		uint64_t off;
		uint64_t stop = UINT64_MAX;
		if (i + 1 < f->taken_count)
			stop = f->taken[i + 1];
		if (is_code(f, table) || !find_bytes(f, table, 4, &begin))
			continue;
		for (uint64_t at = table;
		     !err && at < stop && find_bytes(f, at, 4, &off) &&
		     is_code(f, table + read_int32(f->bytes + off));
		     at += 4)
			err = add(f, off, GRAFT_ADDRESS_TABLE, begin);
	}
	return err;
}

/** Unwind tables: where each function of them is, and the sorted table of them. */
static struct graft_error *
find_frames(struct finding *f)
{
	const uint64_t size = f->layout->frames_size;
	uint64_t header;
	uint64_t off;

	if (size < FRAMES_TABLE ||
	    !find_bytes(f, f->layout->frames_addr, size, &header) ||
	    f->bytes[header + 1] != FROM_HERE ||
	    f->bytes[header + 3] != FROM_TABLE)
		return NULL;
	struct graft_error *err = add(f, header + FRAMES_POINTER,
				      GRAFT_ADDRESS_HERE, 0);
	for (uint64_t i = FRAMES_TABLE; !err && i + 4 <= size; i += 4)
		err = add(f, header + i, GRAFT_ADDRESS_TABLE, header);
	uint64_t at = f->layout->frames_addr + FRAMES_POINTER +
		      read_int32(f->bytes + header + FRAMES_POINTER);
	while (!err && find_bytes(f, at, 12, &off)) {
		// Length; then 0 in what is common to several functions.
		uint64_t len = read_int32(f->bytes + off) & UINT32_MAX;
		if (len == 0 || len > INT32_MAX)
			break;
		if (read_int32(f->bytes + off + 4) != 0)
			err = add(f, off + 8, GRAFT_ADDRESS_HERE, 0);
		at += 4 + len;
	}
	return err;
}

static int
compare(const void *a, const void *b)
{
	const struct graft_address *x = a;
	const struct graft_address *y = b;

	if (x->off != y->off)
		return x->off < y->off ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (x->table > y->table) - (x->table < y->table);
}

/** Of places that overlap the first stays, but for words that were a guess. */
static void
sort(struct graft_addresses *found)
{
	size_t count = 0;

	if (found->count)
		qsort(found->items, found->count, sizeof(*found->items),
		      compare);
	for (size_t i = 0; i < found->count; i++) {
		const struct graft_address *item = &found->items[i];
		struct graft_address *last = &found->items[count - !!count];
		if (!count ||
		    item->off >= last->off + graft_address_width(last->kind))
			found->items[count++] = *item;
		else if (last->kind == GRAFT_ADDRESS_WHOLE &&
			 item->kind != GRAFT_ADDRESS_WHOLE)
			*last = *item;
	}
	found->count = count;
}

struct graft_error *
graft_addresses_find(const uint8_t *bytes, size_t len,
		     const struct graft_layout *layout,
		     struct graft_addresses *ret)
{
	GRAFT_CLEANUP(finding_deinit)
	struct finding f = {
		.bytes = bytes,
		.len = len,
		.layout = layout,
		.found = ret,
	};
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < layout->count; i++) {
		const struct graft_load *load = &layout->loads[i];
		err = load->code ? find_in_code(&f, load)
				 : find_in_data(&f, load);
	}
	if (!err)
		err = find_tables(&f);
	if (!err)
		err = find_frames(&f);
	if (!err)
		sort(ret);
	return err;
}
