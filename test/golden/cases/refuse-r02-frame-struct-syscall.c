// SPDX-License-Identifier: Apache-2.0

// The address goes to the kernel by an instruction in the module, which is no call.
// debug: g
// compiler: clang

#include <unistd.h>
struct rec {
#ifdef NEW
	long b;
	long a;
#else
	long a;
	long b;
#endif
};
static int ends[2];
void
setup(void)
{
	long z[2] = { 0 };
	pipe(ends);
	write(ends[1], z, 16);
}
__attribute__((noinline, noclone)) static long
sys(long nr, long fd, void *p, long n)
{
	long ret;
	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(fd), "S"(p), "d"(n)
			 : "rcx", "r11", "memory");
	return ret;
}
__attribute__((noinline, noclone)) static long
sum(struct rec *r)
{
	return *(volatile long *)&r->a * 3 + *(volatile long *)&r->b;
}
long
probe(long input)
{
	struct rec r;
	sys(0, ends[0], &r, 16);
	long was = sum(&r);
	*(volatile long *)&r.a = input;
	*(volatile long *)&r.b = input * 7;
	sys(1, ends[1], &r, 16);
	return was;
}
