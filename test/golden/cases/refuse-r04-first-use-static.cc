// SPDX-License-Identifier: Apache-2.0

// A static object of a function is made otherwise at its first use.
//
// SAME: it is made as before, and used otherwise.

#include <cstdlib>
#include <cstring>

namespace
{
struct names {
	char *text;
	long room;

	__attribute__((noinline)) names(const char *all, long more)
	    : text(strdup(all)), room(more)
	{
	}
	names(const names &) = delete;
	names &
	operator=(const names &) = delete;
	__attribute__((noinline)) ~names()
	{
		free(text);
	}
};
} // namespace

extern "C" long
probe(long input)
{
#if defined(NEW) && !defined(SAME)
	static const names known("alpha beta gamma", 7);
#else
	static const names known("alpha beta", 3);
#endif
#ifdef NEW
	if (input == 5)
		return -1;
#endif
	return (long)strlen(known.text) + known.room + input;
}
