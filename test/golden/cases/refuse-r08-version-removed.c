// SPDX-License-Identifier: Apache-2.0

// kind: so
// old-ldflags: -Wl,--version-script={cases}/versions.old.map
// new-ldflags: -Wl,--version-script={cases}/versions.new.map
// The same symbol in another version: what is bound to the old one is not it.

long
extra(long value)
{
#ifdef NEW
	return value * 3;
#else
	return value * 2;
#endif
}

long
probe(long input)
{
	return extra(input) + 1;
}
