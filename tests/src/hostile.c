/* A multiboot kernel for the tests that means harm; the command line says which.
 *
 *   dma     has a device store outside of storage
 *   ring    gives a device queues that lead into themselves and outside of storage
 *   wild    writes whatever comes to whatever port and device register there is
 *   storm   has a timer that interrupts as often as it can
 *   nested  has a handler that fails in itself, over and over
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

__asm__(".text\n.long 0x1badb002, 0, -0x1badb002\n.global _start\n_start: mov $0x200000, %esp\npush %ebx\ncall kernel\n1: cli\nhlt\njmp 1b\n"
        ".global tick\ntick: push %eax\nmov $0x20, %al\nout %al, $0x20\npop %eax\niret\n"
        ".global fails\nfails: mov $0x200000, %esp\nud2\n");

extern void tick(void), fails(void);

enum { BASE = 0xd0000000, RNG = 4, LENGTH = 4 };

struct descriptor { u64 address; u32 length; u16 flags, next; };

static struct {
    struct descriptor descriptors[LENGTH] __attribute__((aligned(16)));
    struct { u16 flags, index, ring[LENGTH]; } available;
    struct { u16 flags, index; struct { u32 id, length; } ring[LENGTH]; } used __attribute__((aligned(4)));
} queue;

static struct { u16 low, selector, kind, high; } gates[64];

static volatile u8 *device;
static u32 state = 88172645;

static void out(u16 port, u8 value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }
static void out_word(u16 port, u16 value) { __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port)); }
static void out_long(u16 port, u32 value) { __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port)); }
static u8 in(u16 port) { u8 value; __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port)); return value; }
static void say(const char *text) { while (*text) out(0x3f8, *text++); }
static void end(u8 code) { out(0xf4, code); for (;;) __asm__ volatile("hlt"); }
static u32 get(u32 at) { return *(volatile u32 *)(device + at); }
static void set(u32 at, u32 value) { *(volatile u32 *)(device + at) = value; }
static u32 chance(void) { state ^= state << 13; state ^= state >> 17; state ^= state << 5; return state; }

/* A device of random numbers with an empty queue at these places. */
static void set_up(u64 descriptors, u64 available, u64 used) {
    for (device = (u8 *)BASE; get(0) == 0x74726976 && get(8) != RNG; device += 0x1000) {}
    if (get(8) != RNG) { say("no device\n"); end(1); }
    queue.available.index = 0;
    queue.used.index = 0;
    set(0x70, 0);
    set(0x70, 3);
    set(0x24, 1); set(0x20, 1);
    set(0x70, 11);
    set(0x30, 0);
    set(0x38, LENGTH);
    set(0x80, descriptors); set(0x84, descriptors >> 32);
    set(0x90, available); set(0x94, available >> 32);
    set(0xa0, used); set(0xa4, used >> 32);
    set(0x44, 1);
    set(0x70, 15);
}

/* Offers what stands in the queue, and tells what the device makes of it. */
static void offer(u16 index) {
    __asm__ volatile("" ::: "memory");
    queue.available.index = index;
    __asm__ volatile("" ::: "memory");
    set(0x50, 0);
    say(get(0x70) & 0x40 ? "refused\n" : "taken\n");
}

static void sound(void) { set_up((u32)queue.descriptors, (u32)&queue.available, (u32)&queue.used); }

static void describe(u64 address, u32 length, u16 flags, u16 next) {
    queue.descriptors[0].address = address;
    queue.descriptors[0].length = length;
    queue.descriptors[0].flags = flags;
    queue.descriptors[0].next = next;
    queue.available.ring[0] = 0;
}

static void dma(void) {
    static const u64 outside[] = { 0xfffffffffffff000, 0x7fff00000000, 0x7ffff0 };
    for (u32 number = 0; number < 3; number++) {
        sound();
        describe(outside[number], 4096, 2, 0);
        offer(1);
    }
}

static void ring(void) {
    sound(); describe(0x300000, 16, 3, 0); offer(1);      /* its next is itself */
    sound(); describe(0x300000, 16, 3, 60000); offer(1);  /* there is no such descriptor */
    sound(); describe(0x300000, 16, 2, 0); offer(60000);  /* more than the queue holds */
    set_up(0xfffffffffffffff0, (u32)&queue.available, (u32)&queue.used); offer(1);
    set_up((u32)queue.descriptors, 0x7fff00000000, (u32)&queue.used); offer(1);
    set_up((u32)queue.descriptors, (u32)&queue.available, 0x7ffffe); describe(0x300000, 16, 2, 0); offer(1);
}

static void wild(void) {
    static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x40, 0x41, 0x42, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x3b4, 0x3c0, 0x3c4, 0x3d4, 0x3d5,
                                 0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x2f8, 0x2f9, 0x2fa, 0x2fb, 0x2fc, 0x1f0, 0x1f1, 0x1f2, 0x1f3, 0x1f4, 0x1f5,
                                 0x1f6, 0x1f7, 0x3f6, 0x170, 0x176, 0x177, 0xcf8, 0xcfc, 0x402, 0x80 };
    static const u32 places[] = { 0xfee00000, 0xfec00000, 0xd0000000, 0xd0001000, 0xd0002000, 0xb8000, 0xfffffff0 };
    for (u32 count = 0; count < 300000; count++) {
        u16 port = ports[chance() % (sizeof ports / 2)];
        u32 value = chance();
        switch (chance() % 5) {
        case 0: out(port, value); break;
        case 1: out_word(port, value); break;
        case 2: out_long(port, value); break;
        case 3: in(port); break;
        default:
            device = (u8 *)places[chance() % 7];
            if (chance() & 1) set(chance() & 0xffc, value); else get(chance() & 0xffc);
        }
    }
    end(5);
}

static void gate(u32 number, void (*handler)(void)) {
    u16 code;
    __asm__ volatile("mov %%cs, %0" : "=r"(code));
    gates[number].low = (u32)handler;
    gates[number].selector = code;
    gates[number].kind = 0x8e00;
    gates[number].high = (u32)handler >> 16;
}

static void load_gates(void) {
    struct { u16 limit; u32 base; } __attribute__((packed)) table = { sizeof gates - 1, (u32)gates };
    __asm__ volatile("lidt %0" ::"m"(table));
}

static void storm(void) {
    gate(0x20, tick);
    load_gates();
    static const u8 words[] = { 0x11, 0x20, 4, 1, 0xfe };
    out(0x20, words[0]);
    for (u32 at = 1; at < 5; at++) out(0x21, words[at]);
    out(0x43, 0x34); out(0x40, 2); out(0x40, 0);
    say("interrupts\n");
    __asm__ volatile("sti");
    for (;;) {}
}

static void nested(void) {
    gate(6, fails);
    load_gates();
    say("failures\n");
    fails();
}

void kernel(u32 *information) {
    const char *line = information[0] & 4 ? (const char *)information[4] : "";
    /* Some loaders put a name before it. */
    for (; *line; line++) {
        switch (*line) {
        case 'd': dma(); end(3);
        case 'r': ring(); end(3);
        case 'w': wild();
        case 's': storm();
        case 'n': nested();
        }
    }
    say("nothing\n");
    end(1);
}
