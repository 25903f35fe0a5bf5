// SPDX-License-Identifier: Apache-2.0

#include "elf/image.h"

#include "elf/limits.h"
#include "elf/model.h"

static struct graft_error *
check_segment(const GElf_Phdr *header, size_t len)
{
	if (header->p_align > GRAFT_LIMIT_ALIGN ||
	    (header->p_align & (header->p_align - 1)))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "alignment of %ju",
				       (uintmax_t)header->p_align);
	if (header->p_vaddr > GRAFT_LIMIT_ADDR ||
	    header->p_memsz > GRAFT_LIMIT_ADDR - header->p_vaddr)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "an address outside of user space");
	// RELRO is a range of addresses; its file_size is for show.
	if (header->p_type == PT_GNU_RELRO)
		return NULL;
	if (header->p_filesz > header->p_memsz)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "larger in the file than in memory");
	if (header->p_offset > len || header->p_filesz > len - header->p_offset)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "ends past the end of the file");
	if (header->p_type == PT_LOAD && header->p_align > 1 &&
	    (header->p_vaddr - header->p_offset) % header->p_align)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "address and offset do not agree");
	return NULL;
}

struct graft_error *
graft_segments_read(struct graft_image *image,
		    const struct graft_reader *reader)
{
	size_t count = reader->header.e_phnum;
	image->segments = calloc(count ? count : 1, sizeof(*image->segments));
	if (!image->segments)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");

	uint64_t end = 0;
	image->loading.exec_stack = true;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr header;
		if (!gelf_getphdr(reader->elf, (int)i, &header))
			return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%zu: %s",
					       i, elf_errmsg(-1));
		if (header.p_type == PT_GNU_STACK)
			image->loading.exec_stack = header.p_flags & PF_X;
		if (header.p_type != PT_LOAD && header.p_type != PT_TLS &&
		    header.p_type != PT_GNU_RELRO)
			continue;
		struct graft_error *err = check_segment(&header, image->len);
		if (err)
			return graft_error_prefix(err, "%zu", i);
		if (header.p_type == PT_LOAD) {
			// elf(5): PT_LOADs stand by ascending address.
			if (header.p_vaddr < end)
				return graft_error_new(GRAFT_ERROR_BAD_INPUT,
						       "%zu: overlaps or is "
						       "out of order",
						       i);
			end = header.p_vaddr + header.p_memsz;
		}
		image->segments[image->segment_count++] =
			(struct graft_segment){ .type = header.p_type,
						.flags = header.p_flags,
						.addr = header.p_vaddr,
						.mem_size = header.p_memsz,
						.off = header.p_offset,
						.file_size = header.p_filesz,
						.align = header.p_align };
	}
	return NULL;
}

const struct graft_segment *
graft_image_segments(const struct graft_image *image, size_t *count_ret)
{
	*count_ret = image->segment_count;
	return image->segments;
}

const struct graft_loading *
graft_image_loading(const struct graft_image *image)
{
	return &image->loading;
}
