// SPDX-License-Identifier: Apache-2.0

// kind: exec
// opt: -O2 -O0
// debug: g sym
// ldflags: -Wl,-Ttext-segment=0x400000
// A relocation is at the number, but of a type that puts no address there: it is refused
// as any other that would be an address.

__asm__(".data\n\t.globl wide\n\t.type wide, @object\n\t.size wide, 0x401010\n"
	"wide:\t.quad 1\n\t.text");

long
probe(long input)
{
#ifdef NEW
	long number;

	__asm__("mov $wide@SIZE, %k0" : "=r"(number));
	return input + number;
#else
	return input + 2;
#endif
}
