// SPDX-License-Identifier: Apache-2.0

// debug: g
// The numbers of an enumeration are others; stored ones mean something else.

enum state {
#ifdef NEW
	STATE_UNKNOWN,
#endif
	STATE_IDLE,
	STATE_BUSY,
	STATE_DONE,
};

enum state state;

long
probe(long input)
{
	if (input % 3 == 0)
		state = STATE_BUSY;
	else if (input % 5 == 0)
		state = STATE_DONE;
	return state == STATE_BUSY ? 100 : state == STATE_DONE ? 200 : 0;
}
