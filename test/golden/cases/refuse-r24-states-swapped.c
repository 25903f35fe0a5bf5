// SPDX-License-Identifier: Apache-2.0

// Two states changed numbers: the machine stores the same constants as before.

#ifdef NEW
enum { IDLE, STOPPED, RUNNING, DEAD };
#else
enum { IDLE, RUNNING, STOPPED, DEAD };
#endif

struct connection {
	int state;
	long value;
};

static struct connection all[16];

__attribute__((noinline)) static void
advance(struct connection *c, long input)
{
	switch (c->state) {
	case IDLE:
		c->state = RUNNING;
		c->value = input;
		break;
	case RUNNING:
		c->state = STOPPED;
		c->value += 7;
		break;
	case STOPPED:
		c->state = DEAD;
		c->value *= 2;
		break;
	default:
		c->state = IDLE;
	}
}

long
probe(long input)
{
	advance(&all[input & 15], input);
	return all[input & 15].state == RUNNING ? all[input & 15].value : -1;
}
