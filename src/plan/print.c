// SPDX-License-Identifier: Apache-2.0

#include "plan/plan.h"

#include <sys/mman.h>

typedef unsigned long long llu;

static const char *
prot_name(uint32_t prot)
{
	if (prot & PROT_EXEC)
		return "r-x";
	return prot & PROT_WRITE ? "rw-" : "r--";
}

static void
print_module(const struct graft_plan_module *module, struct graft_text *text)
{
	const struct graft_header *header = &module->header;

	graft_text_printf(text, "  module ");
	graft_text_put_safe(text, header->module);
	graft_text_printf(text, " at 0x%llx\n", (llu)header->base);
	if (module->replaced)
		graft_text_printf(text, "    take the place of hotpatch %s\n",
				  module->replaced->id);
	if (module->reuse)
		graft_text_printf(text, "    use the shadow at 0x%llx again\n",
				  (llu)header->shadow_base);
	for (uint32_t i = 0; !module->reuse && i < header->region_count; i++)
		graft_text_printf(
			text, "    map 0x%llx-0x%llx %s\n",
			(llu)header->regions[i].addr,
			(llu)(header->regions[i].addr + header->regions[i].len),
			prot_name(header->regions[i].prot));
	if (!module->reuse)
		graft_text_printf(text, "    map 0x%llx-0x%llx r-- (header)\n",
				  (llu)header->addr,
				  (llu)(header->addr + header->len));
	for (size_t i = 0; i < module->shadow.count; i++)
		graft_text_printf(text, "    write 0x%llx, %llu bytes\n",
				  (llu)module->shadow.pieces[i].addr,
				  (llu)module->shadow.pieces[i].len);
	for (uint32_t i = 0; i < header->redirect_count; i++) {
		const struct graft_header_redirect *r = &header->redirects[i];
		graft_text_printf(text, "    jump 0x%llx -> 0x%llx ",
				  (llu)(r->entry + r->skip), (llu)r->target);
		graft_text_put_safe(text, r->name);
		graft_text_put(text, "\n");
	}
}

void
graft_plan_print(const struct graft_plan *plan, struct graft_text *text)
{
	for (size_t i = 0; i < plan->count; i++)
		print_module(&plan->modules[i], text);
}
