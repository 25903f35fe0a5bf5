// SPDX-License-Identifier: Apache-2.0

// A 32-bit process without a library: pause(2) for ever.

void
_start(void);

void
_start(void)
{
	for (;;) {
		int nr = 29;
		__asm__ volatile("int $0x80" : "+a"(nr) : : "memory");
	}
}
