/* A multiboot kernel for the tests: waits in HLT for timers of the local APIC that interrupt once, many times and of many lengths. If one is lost, it waits forever. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

__asm__(".text\n.long 0x1badb002, 0, -0x1badb002\n.global _start\n_start: mov $0x200000, %esp\npush %ebx\ncall kernel\n1: cli\nhlt\njmp 1b\n");
__asm__("handler: incl ticks\nmovl $0, 0xfee000b0\niret\nspurious: iret\n");

enum { VECTOR = 0x40, SPURIOUS = 0xff, TIMES = 1500 };
enum { SPURIOUS_REGISTER = 0xf0, TIMER = 0x320, COUNT = 0x380, DIVIDE = 0x3e0 };

extern char handler[], spurious[];
volatile u32 ticks;

static struct { u16 low, selector; u8 zero, kind; u16 high; } __attribute__((packed)) table[256];

static void out(u16 port, u8 value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }

static void say(const char *text) { while (*text) out(0x3f8, *text++); }

static void set(u32 at, u32 value) { *(volatile u32 *)(0xfee00000 + at) = value; }

static void gate(u32 vector, const char *code) {
    u16 selector;
    __asm__("mov %%cs, %0" : "=r"(selector));
    table[vector].low = (u32)code;
    table[vector].high = (u32)code >> 16;
    table[vector].selector = selector;
    table[vector].kind = 0x8e;
}

void kernel(void) {
    struct { u16 limit; u32 base; } __attribute__((packed)) idt = { sizeof table - 1, (u32)table };
    gate(VECTOR, handler);
    gate(SPURIOUS, spurious);
    __asm__ volatile("lidt %0" ::"m"(idt));
    out(0x21, 0xff);
    out(0xa1, 0xff);
    set(SPURIOUS_REGISTER, 0x100 | SPURIOUS);
    set(DIVIDE, 0xb);
    set(TIMER, VECTOR);
    for (u32 time = 0; time < TIMES; time++) {
        /* From less than an instruction takes to longer than a machine waits without leaving its processor. */
        set(COUNT, 1 + time * 7919 % (time % 50 ? 20000 : 200000));
        while (ticks == time) __asm__ volatile("sti\nhlt\ncli");
    }
    say("every timer came\n");
    out(0xf4, 0);
}
