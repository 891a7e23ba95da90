/* A multiboot kernel for the tests: it drives the virtio console of a PC machine and tells on the serial line what it sees.
 *
 *   command line "copy"   reads its reader to the end, tells it line by line, and punches it again in capitals
 *   command line "many"   punches numbered lines, as many as the next word says, and prints one
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

__asm__(".text\n.long 0x1badb002, 0, -0x1badb002\n.global _start\n_start: mov $0x200000, %esp\npush %ebx\ncall kernel\n1: cli\nhlt\njmp 1b\n");

enum { BASE = 0xd0000000, QUEUES = 8, LENGTH = 4, BUFFER = 2048 };
enum { READY = 0, ADD = 1, PORT_READY = 3, OPEN = 6, NAME = 7 };

struct descriptor { u64 address; u32 length; u16 flags, next; };
struct available { u16 flags, index, ring[LENGTH]; };
struct used { u16 flags, index; struct { u32 id, length; } ring[LENGTH]; };

static struct {
    struct descriptor descriptors[LENGTH] __attribute__((aligned(16)));
    struct available available;
    volatile struct used used __attribute__((aligned(4)));
    u16 seen;
    char buffers[LENGTH][BUFFER];
} queues[QUEUES];

static volatile u8 *device;

static void out(u16 port, u8 value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }

static void say(const char *text) { while (*text) out(0x3f8, *text++); }

static void end(u8 code) { out(0xf4, code); for (;;) __asm__ volatile("hlt"); }

static u32 get(u32 at) { return *(volatile u32 *)(device + at); }
static void set(u32 at, u32 value) { *(volatile u32 *)(device + at) = value; }

/* Offers a buffer of a queue: for the device to read, or to write. */
static void offer(u32 number, u32 slot, u32 length, u16 flags) {
    struct descriptor *descriptor = &queues[number].descriptors[slot];
    descriptor->address = (u32)queues[number].buffers[slot];
    descriptor->length = length;
    descriptor->flags = flags;
    queues[number].available.ring[queues[number].available.index % LENGTH] = slot;
    __asm__ volatile("" ::: "memory");
    queues[number].available.index++;
    __asm__ volatile("" ::: "memory");
    set(0x50, number);
}

/* Waits for a buffer to come back; its number, and its length in *length. */
static u32 came_back(u32 number, u32 *length) {
    while (queues[number].used.index == queues[number].seen) {}
    u32 at = queues[number].seen++ % LENGTH;
    *length = queues[number].used.ring[at].length;
    return queues[number].used.ring[at].id;
}

static void write_to(u32 number, const void *from, u32 length) {
    u32 written;
    for (u32 at = 0; at < length; at++) queues[number].buffers[0][at] = ((const char *)from)[at];
    offer(number, 0, length, 0);
    came_back(number, &written);
}

static void control(u32 port, u16 event, u16 value) {
    struct { u32 port; u16 event, value; } message = { port, event, value };
    write_to(3, &message, sizeof message);
}

/* The next control message; what follows it is in *text. */
static u16 told(u32 *port, u16 *value, char *text) {
    u32 length, slot = came_back(2, &length);
    u8 *message = (u8 *)queues[2].buffers[slot];
    *port = *(u32 *)message;
    *value = *(u16 *)(message + 6);
    for (u32 at = 8; at < length; at++) *text++ = message[at];
    *text = 0;
    u16 event = *(u16 *)(message + 4);
    offer(2, slot, BUFFER, 2);
    return event;
}

static int same(const char *one, const char *other) {
    while (*one && *one == *other) one++, other++;
    return *one == *other;
}

static u32 ports[3];

static void set_up(void) {
    for (device = (u8 *)BASE; get(0) == 0x74726976 && get(8) != 3; device += 0x1000) {}
    if (get(8) != 3) { say("no console\n"); end(1); }
    set(0x70, 0);
    set(0x70, 3);
    set(0x24, 0); set(0x20, 2);
    set(0x24, 1); set(0x20, 1);
    set(0x70, 11);
    for (u32 number = 0; number < QUEUES; number++) {
        set(0x30, number);
        if (!get(0x34)) continue;
        set(0x38, LENGTH);
        set(0x80, (u32)queues[number].descriptors); set(0x84, 0);
        set(0x90, (u32)&queues[number].available); set(0x94, 0);
        set(0xa0, (u32)&queues[number].used); set(0xa4, 0);
        set(0x44, 1);
    }
    set(0x70, 15);
    for (u32 slot = 0; slot < LENGTH; slot++) offer(2, slot, BUFFER, 2);
    control(-1, READY, 1);
    static const char *names[3] = { "reader", "punch", "printer" };
    for (u32 known = 0; known < 3;) {
        u32 port; u16 value; char text[64];
        u16 event = told(&port, &value, text);
        if (event == ADD) control(port, PORT_READY, 1);
        if (event != NAME) continue;
        for (u32 which = 0; which < 3; which++) if (same(text, names[which])) ports[which] = port, known++;
    }
}

static u32 input(u32 port) { return port ? 2 * port + 2 : 0; }

static char kept[1 << 16];

/* Reads the reader to its end. */
static u32 read_all(void) {
    u32 port; u16 value; char text[64]; u32 kept_length = 0, length;
    u32 number = input(ports[0]);
    for (u32 slot = 0; slot < LENGTH; slot++) offer(number, slot, 16, 2);
    control(ports[0], OPEN, 1);
    for (;;) {
        while (queues[number].used.index != queues[number].seen) {
            u32 slot = came_back(number, &length);
            for (u32 at = 0; at < length; at++) kept[kept_length++] = queues[number].buffers[slot][at];
            offer(number, slot, 16, 2);
        }
        if (queues[2].used.index != queues[2].seen && told(&port, &value, text) == OPEN && port == ports[0] && !value) break;
    }
    control(ports[0], OPEN, 0);
    return kept_length;
}

void kernel(u32 *information) {
    const char *line = (const char *)information[4];
    set_up();
    if (same(line, "copy")) {
        u32 length = read_all();
        for (u32 at = 0; at < length; at++) {
            out(0x3f8, kept[at]);
            if (kept[at] >= 'a' && kept[at] <= 'z') kept[at] -= 32;
        }
        control(ports[1], OPEN, 1);
        for (u32 at = 0; at < length; at += 100) write_to(input(ports[1]) + 1, kept + at, length - at < 100 ? length - at : 100);
        control(ports[1], OPEN, 0);
        say(length ? "copied\n" : "nothing\n");
    } else {
        u32 count = 0;
        for (line += 5; *line >= '0' && *line <= '9'; line++) count = count * 10 + *line - '0';
        control(ports[1], OPEN, 1);
        for (u32 number = 0; number < count; number++) {
            char text[] = "line 00000\n";
            for (u32 at = 9, rest = number; at > 4; at--, rest /= 10) text[at] = '0' + rest % 10;
            write_to(input(ports[1]) + 1, text, 11);
        }
        control(ports[1], OPEN, 0);
        control(ports[2], OPEN, 1);
        write_to(input(ports[2]) + 1, "\fa page\n\fanother\n", 17);
        control(ports[2], OPEN, 0);
        say("punched\n");
    }
    end(0);
}
