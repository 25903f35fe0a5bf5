// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/calls.h"

#include "base/cleanup.h"
#include "diff/code/callee.h"

#include <string.h>

enum {
	/** Calls of calls of functions that both builds have. */
	DEPTH_MAX = 3,
	/** Functions that are looked at for one. */
	VISITS_MAX = 2000,
	/** Instructions of one that is followed. */
	SIZE_MAX_INSNS = 400,
};

static const struct {
	const char *name;
	enum graft_calls_role role;
	const char *family;
} known[] = {
	{ "malloc", GRAFT_CALLS_MAKE, "free" },
	{ "calloc", GRAFT_CALLS_MAKE, "free" },
	{ "reallocarray", GRAFT_CALLS_NEITHER, "" },
	{ "realloc", GRAFT_CALLS_NEITHER, "" },
	{ "strdup", GRAFT_CALLS_MAKE, "free" },
	{ "__strdup", GRAFT_CALLS_MAKE, "free" },
	{ "strndup", GRAFT_CALLS_MAKE, "free" },
	{ "posix_memalign", GRAFT_CALLS_MAKE, "free" },
	{ "aligned_alloc", GRAFT_CALLS_MAKE, "free" },
	{ "memalign", GRAFT_CALLS_MAKE, "free" },
	{ "valloc", GRAFT_CALLS_MAKE, "free" },
	{ "free", GRAFT_CALLS_END, "free" },
	{ "mmap", GRAFT_CALLS_MAKE, "munmap" },
	{ "mmap64", GRAFT_CALLS_MAKE, "munmap" },
	{ "munmap", GRAFT_CALLS_END, "munmap" },
	{ "g_strdup", GRAFT_CALLS_MAKE, "g_" },
};

/** Streams, descriptors and whatever else the C library hands out that is no memory. */
static const struct {
	const char *name;
	enum graft_calls_role role;
	const char *family;
} handles[] = {
	{ "fopen", GRAFT_CALLS_MAKE, "fclose" },
	{ "fopen64", GRAFT_CALLS_MAKE, "fclose" },
	{ "fdopen", GRAFT_CALLS_MAKE, "fclose" },
	{ "tmpfile", GRAFT_CALLS_MAKE, "fclose" },
	{ "tmpfile64", GRAFT_CALLS_MAKE, "fclose" },
	{ "fmemopen", GRAFT_CALLS_MAKE, "fclose" },
	{ "open_memstream", GRAFT_CALLS_MAKE, "fclose" },
	{ "fclose", GRAFT_CALLS_END, "fclose" },
	{ "popen", GRAFT_CALLS_MAKE, "pclose" },
	{ "pclose", GRAFT_CALLS_END, "pclose" },
	{ "open", GRAFT_CALLS_MAKE, "close" },
	{ "open64", GRAFT_CALLS_MAKE, "close" },
	{ "openat", GRAFT_CALLS_MAKE, "close" },
	{ "openat64", GRAFT_CALLS_MAKE, "close" },
	{ "creat", GRAFT_CALLS_MAKE, "close" },
	{ "creat64", GRAFT_CALLS_MAKE, "close" },
	{ "socket", GRAFT_CALLS_MAKE, "close" },
	{ "accept", GRAFT_CALLS_MAKE, "close" },
	{ "accept4", GRAFT_CALLS_MAKE, "close" },
	{ "dup", GRAFT_CALLS_MAKE, "close" },
	{ "eventfd", GRAFT_CALLS_MAKE, "close" },
	{ "epoll_create", GRAFT_CALLS_MAKE, "close" },
	{ "epoll_create1", GRAFT_CALLS_MAKE, "close" },
	{ "timerfd_create", GRAFT_CALLS_MAKE, "close" },
	{ "signalfd", GRAFT_CALLS_MAKE, "close" },
	{ "inotify_init", GRAFT_CALLS_MAKE, "close" },
	{ "inotify_init1", GRAFT_CALLS_MAKE, "close" },
	{ "memfd_create", GRAFT_CALLS_MAKE, "close" },
	{ "mkstemp", GRAFT_CALLS_MAKE, "close" },
	{ "mkostemp", GRAFT_CALLS_MAKE, "close" },
	{ "shm_open", GRAFT_CALLS_MAKE, "close" },
	{ "close", GRAFT_CALLS_END, "close" },
	{ "opendir", GRAFT_CALLS_MAKE, "closedir" },
	{ "fdopendir", GRAFT_CALLS_MAKE, "closedir" },
	{ "closedir", GRAFT_CALLS_END, "closedir" },
	{ "dlopen", GRAFT_CALLS_MAKE, "dlclose" },
	{ "dlmopen", GRAFT_CALLS_MAKE, "dlclose" },
	{ "dlclose", GRAFT_CALLS_END, "dlclose" },
	{ "iconv_open", GRAFT_CALLS_MAKE, "iconv_close" },
	{ "iconv_close", GRAFT_CALLS_END, "iconv_close" },
	{ "sem_open", GRAFT_CALLS_MAKE, "sem_close" },
	{ "sem_close", GRAFT_CALLS_END, "sem_close" },
	{ "mq_open", GRAFT_CALLS_MAKE, "mq_close" },
	{ "mq_close", GRAFT_CALLS_END, "mq_close" },
	{ "timer_create", GRAFT_CALLS_MAKE, "timer_delete" },
	{ "timer_delete", GRAFT_CALLS_END, "timer_delete" },
	{ "shmat", GRAFT_CALLS_MAKE, "shmdt" },
	{ "shmdt", GRAFT_CALLS_END, "shmdt" },
	{ "regcomp", GRAFT_CALLS_MAKE, "regfree" },
	{ "regfree", GRAFT_CALLS_END, "regfree" },
	{ "getaddrinfo", GRAFT_CALLS_MAKE, "freeaddrinfo" },
	{ "freeaddrinfo", GRAFT_CALLS_END, "freeaddrinfo" },
	{ "getifaddrs", GRAFT_CALLS_MAKE, "freeifaddrs" },
	{ "freeifaddrs", GRAFT_CALLS_END, "freeifaddrs" },
	{ "newlocale", GRAFT_CALLS_MAKE, "freelocale" },
	{ "duplocale", GRAFT_CALLS_MAKE, "freelocale" },
	{ "freelocale", GRAFT_CALLS_END, "freelocale" },
	{ "setmntent", GRAFT_CALLS_MAKE, "endmntent" },
	{ "endmntent", GRAFT_CALLS_END, "endmntent" },
};

/** Words of names, and what they say. */
static const struct {
	const char *word;
	enum graft_calls_role role;
} words[] = {
	{ "alloc", GRAFT_CALLS_MAKE },  { "Alloc", GRAFT_CALLS_MAKE },
	{ "_new", GRAFT_CALLS_MAKE },   { "_create", GRAFT_CALLS_MAKE },
	{ "free", GRAFT_CALLS_END },    { "Free", GRAFT_CALLS_END },
	{ "_delete", GRAFT_CALLS_END }, { "_destroy", GRAFT_CALLS_END },
};

/** Cut what says how something is allocated off: "png_mal" is "png_". */
static size_t
stem_len(const char *name, size_t len)
{
	static const char *const ends[] = { "re", "m", "c", "z", "k", "x" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t end = strlen(ends[i]);
		if (len > end && memcmp(name + len - end, ends[i], end) == 0 &&
		    name[len - end - 1] == '_')
			return len - end;
	}
	return len;
}

struct graft_calls_kind
graft_calls_kind_of(const char *name)
{
	struct graft_calls_kind ret = { .family = "" };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(known[i].name, name) == 0)
			return (struct graft_calls_kind){
				known[i].role, known[i].family,
				strlen(known[i].family), false
			};
	}
	for (size_t i = 0; i < sizeof(handles) / sizeof(*handles); i++) {
		if (strcmp(handles[i].name, name) == 0)
			return (struct graft_calls_kind){
				handles[i].role, handles[i].family,
				strlen(handles[i].family), true
			};
	}
	// operator new, new[], delete, delete[] in all their forms.
	if (strncmp(name, "_Znwm", 5) == 0 || strncmp(name, "_ZdlPv", 6) == 0)
		return (struct graft_calls_kind){ name[2] == 'n'
							  ? GRAFT_CALLS_MAKE
							  : GRAFT_CALLS_END,
						  "delete", 6, false };
	if (strncmp(name, "_Znam", 5) == 0 || strncmp(name, "_ZdaPv", 6) == 0)
		return (struct graft_calls_kind){ name[2] == 'n'
							  ? GRAFT_CALLS_MAKE
							  : GRAFT_CALLS_END,
						  "delete[]", 8, false };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		const char *word = strstr(name, words[i].word);
		if (!word || strncmp(name, "_Z", 2) == 0 ||
		    strstr(name, "realloc"))
			continue;
		ret.role = words[i].role;
		ret.family = name;
		ret.len = stem_len(name, (size_t)(word - name));
		// "BN_free" belongs to "BN_new".
		if (ret.len && name[ret.len - 1] == '_')
			ret.len--;
		return ret;
	}
	return ret;
}

/** Number a family; #GRAFT_FAMILIES_MAX if there are too many. */
static size_t
number_of(struct graft_families *families, const struct graft_calls_kind *kind)
{
	size_t i = 0;

	for (; i < families->count; i++) {
		const struct graft_calls_kind *at = &families->list[i];
		if (at->len == kind->len &&
		    memcmp(at->family, kind->family, kind->len) == 0)
			return i;
	}
	if (i < GRAFT_FAMILIES_MAX) {
		families->list[i] = *kind;
		families->count++;
	}
	return i;
}

/** A count that is going on. */
struct counting {
	const struct graft_code *code;
	const bool *is_known;
	struct graft_families *families;
	struct graft_calls *calls;
	/** Functions that are being followed, so that circles end. */
	bool *open;
	uint32_t visits;
	int depth_max;
};

static void
count_function(struct counting *counting, uint32_t func, int depth);

static void
count_call(struct counting *counting, const struct graft_insn *insn, int depth)
{
	const struct graft_code *code = counting->code;
	struct graft_callee callee = graft_callee_of(code, insn);

	if (callee.func != GRAFT_NONE) {
		bool transparent = !counting->is_known[callee.func];
		const struct graft_func *func = &code->funcs[callee.func];
		if (!transparent)
			counting->calls->others += depth == 0;
		if (transparent || (depth < counting->depth_max &&
				    func->insn_count < SIZE_MAX_INSNS))
			count_function(counting, callee.func,
				       depth + !transparent);
		return;
	}
	struct graft_calls_kind kind =
		graft_calls_kind_of(callee.import ? callee.import : "");
	if (kind.role == GRAFT_CALLS_NEITHER) {
		counting->calls->others += depth == 0;
		return;
	}
	size_t number = number_of(counting->families, &kind);
	if (number == GRAFT_FAMILIES_MAX)
		return;
	counting->calls->makes[number] += kind.role == GRAFT_CALLS_MAKE;
	counting->calls->ends[number] += kind.role == GRAFT_CALLS_END;
}

static void
count_function(struct counting *counting, uint32_t func, int depth)
{
	const struct graft_code *code = counting->code;
	uint32_t head = code->funcs[func].group;

	if (counting->open[head] || counting->visits++ > VISITS_MAX)
		return;
	counting->open[head] = true;
	for (uint32_t part = head; part != GRAFT_NONE;
	     part = code->funcs[part].group_next) {
		const struct graft_func *f = &code->funcs[part];
		for (uint32_t i = 0; i < f->insn_count; i++) {
			const struct graft_insn *insn =
				&code->insns[f->first_insn + i];
			if ((insn->flags &
			     (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
			    !(insn->flags & GRAFT_INSN_INTERNAL))
				count_call(counting, insn, depth);
		}
	}
	counting->open[head] = false;
}

struct graft_error *
graft_calls_count(const struct graft_code *code, uint32_t func, bool deep,
		  const bool *is_known, struct graft_families *families,
		  struct graft_calls *ret)
{
	GRAFT_FREE bool *open = calloc((size_t)code->func_count + 1,
				       sizeof(*open));
	struct counting counting = {
		.code = code,
		.is_known = is_known,
		.families = families,
		.calls = ret,
		.open = open,
		.depth_max = deep ? DEPTH_MAX : 0,
	};

	if (!open)
		return graft_error_no_memory();
	*ret = (struct graft_calls){ 0 };
	count_function(&counting, func, 0);
	return NULL;
}
