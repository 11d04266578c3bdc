# The boot sector of the KVM probe: what a kernel does in its first second, in small. It enters
# protected mode, turns on paging, executes RDRAND and SSE (the instructions on which a broken
# nested KVM gives up), says "KILN-KVM-OK" on the serial port and ends QEMU by isa-debug-exit.
# Its bytes stand in kvm_probe_code.h, made with: as --32 kvm_probe.S -o p.o && ld -m elf_i386 -Ttext 0x7c00 \
#   --oformat binary -e start p.o -o p.bin
	.code16
	.globl start
start:	cli
	xorw %ax, %ax
	movw %ax, %ds
	movw $0x7000, %sp
	lgdtl gdtr
	movl %cr0, %eax
	orl $1, %eax
	movl %eax, %cr0
	ljmpl $8, $prot
	.code32
prot:	movw $16, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $0x7000, %esp
	movl $0x10000, %edi		# page directory: 1024 entries of 4 MB, identity
	xorl %ecx, %ecx
1:	movl %ecx, %eax
	shll $22, %eax
	orl $0x83, %eax
	movl %eax, (%edi,%ecx,4)
	incl %ecx
	cmpl $1024, %ecx
	jb 1b
	movl %cr4, %eax
	orl $0x610, %eax		# PSE, OSFXSR, OSXMMEXCPT
	movl %eax, %cr4
	movl $0x10000, %eax
	movl %eax, %cr3
	movl %cr0, %eax
	andl $0xfffffff3, %eax
	orl $0x80000002, %eax		# PG, MP
	movl %eax, %cr0
	jmp 2f
2:	movl $1, %eax
	cpuid
	testl $0x40000000, %ecx
	jz 4f
	movl $1000, %ecx
3:	rdrand %edx
	decl %ecx
	jnz 3b
4:	pxor %xmm0, %xmm0
	movups %xmm0, 0x20000
	invlpg 0x20000
	movl $text, %esi
5:	lodsb
	testb %al, %al
	jz 6f
	movw $0x3f8, %dx
	outb %al, %dx
	jmp 5b
6:	movb $0x10, %al
	movw $0xf4, %dx
	outb %al, %dx
7:	hlt
	jmp 7b
text:	.asciz "KILN-KVM-OK\n"
	.balign 8
gdt:	.quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:	.word 23
	.long gdt
	.org 510
	.word 0xaa55
