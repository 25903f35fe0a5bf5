// SPDX-License-Identifier: Apache-2.0

// kind: so
// compiler: gcc
// ldflags: -Wl,--version-script={cases}/two-versions.map
// One name in two versions; only the older one is corrected.

#define _GNU_SOURCE
#include <dlfcn.h>

__attribute__((noinline)) long
first(long value)
{
#ifdef NEW
	return value * 2 + 7;
#else
	return value * 2;
#endif
}

__attribute__((noinline)) long
second(long value)
{
	return value * 5;
}

__asm__(".symver first, extra@EXTRA_1");
__asm__(".symver second, extra@@EXTRA_2");

long
probe(long input)
{
	Dl_info self;
	if (!dladdr((void *)probe, &self))
		return -1;
	void *handle = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD);
	if (!handle)
		return -2;
	long (*one)(long) = (long (*)(long))dlvsym(handle, "extra", "EXTRA_1");
	long (*two)(long) = (long (*)(long))dlvsym(handle, "extra", "EXTRA_2");
	(void)dlclose(handle);
	return one(input) * 1000 + two(input);
}
