// SPDX-License-Identifier: Apache-2.0

// debug: g
// same: only line numbers in the debug information differ
#ifdef NEW
// A comment.

#endif

long
probe(long input)
{
	return input * 3;
}
