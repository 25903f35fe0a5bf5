// SPDX-License-Identifier: Apache-2.0

// A use after free is mended: what was freed when a connection was shut is freed when
// it is destroyed. What OLD shut and did not destroy yet would be freed twice.
//
// CLEARED: OLD forgot the pointer when it freed it, so NEW frees nothing there.

#include <stdlib.h>
#include <string.h>

struct conn {
	long id;
	long closed;
	char *buf;
};

enum { CONNS = 32 };

static struct conn *conns[CONNS];

__attribute__((noinline)) void
open_conn(long id)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	conn->id = id;
	conn->buf = strdup("some text");
	conns[id] = conn;
}

__attribute__((noinline)) long
shut(struct conn *conn)
{
	conn->closed = 1;
#ifdef NEW
	return conn->id + 1000;
#else
	free(conn->buf);
#ifdef CLEARED
	conn->buf = NULL;
#endif
	return conn->id;
#endif
}

__attribute__((noinline)) void
destroy(struct conn *conn)
{
	conns[conn->id] = NULL;
#ifdef NEW
	free(conn->buf);
#endif
	free(conn);
}

long
probe(long input)
{
	long id = input & (CONNS - 1);

	// What an earlier call shut is destroyed now.
	if (conns[id])
		destroy(conns[id]);
	open_conn(id);
	return shut(conns[id]);
}
