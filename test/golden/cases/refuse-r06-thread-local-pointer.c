// SPDX-License-Identifier: Apache-2.0

// A thread-local pointer begins with another text: the bytes of the block are
// the same, and the relocation of the pointer is not.

static __thread const char *greeting =
#ifdef NEW
	"xylophone";
#else
	"accordion";
#endif

long
probe(long input)
{
	if (input == 1000)
		greeting = "nothing";
	return greeting[0] + input;
}
