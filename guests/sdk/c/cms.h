/*
 * The C side of programs for CMS. A program is one function,
 *
 *     int cms_start(const struct cms *cms, const char *arguments, size_t length);
 *
 * which gets the text behind its name and answers its return code. Compile and link it so:
 *
 *     cc -Os -ffreestanding -fpie -fno-stack-protector -fcf-protection=none -nostdlib -static-pie \
 *        -Wl,-e,cms_start -Wl,--build-id=none -Wl,-z,norelro -I guests/sdk/c hello.c -o hello
 *
 * There are no libraries: what the compiler calls by itself (memcpy, memset, memmove, memcmp) is here, and so is nothing else.
 */
#ifndef CMS_H
#define CMS_H

#include <stddef.h>
#include <stdint.h>

#define CMS_VERSION 1

/* The services of CMS. Each takes `context` first. */
struct cms {
    uint32_t version;
    uint32_t size;
    void *context;
    /* Shows a line on the console. */
    void (*write_line)(void *context, const char *line, size_t length);
    /* Reads a line into the buffer: its length, cut to the capacity; -1 when there will be none. */
    ptrdiff_t (*read_line)(void *context, char *buffer, size_t capacity);
    /* Carries out a command as if it had been typed: its return code. */
    int32_t (*command)(void *context, const char *line, size_t length);
    /* Puts a line into the program stack: last (1) or first (0). */
    void (*stack_line)(void *context, const char *line, size_t length, int32_t last);
    /* Storage aligned to 16; null when there is none. */
    void *(*allocate)(void *context, size_t size);
    void (*release)(void *context, void *address);
};

_Static_assert(sizeof(struct cms) == 64, "the contract with CMS");

/* Where CMS enters the program. */
int cms_start(const struct cms *cms, const char *arguments, size_t length);

static inline size_t cms_length(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

/* Shows a text. */
static inline void cms_say(const struct cms *cms, const char *text)
{
    cms->write_line(cms->context, text, cms_length(text));
}

/* Carries out a command: its return code. */
static inline int cms_command(const struct cms *cms, const char *text)
{
    return cms->command(cms->context, text, cms_length(text));
}

__attribute__((weak)) void *memcpy(void *target, const void *source, size_t count)
{
    void *answer = target;
    __asm__ volatile("rep movsb" : "+D"(target), "+S"(source), "+c"(count) : : "memory");
    return answer;
}

__attribute__((weak)) void *memset(void *target, int byte, size_t count)
{
    void *answer = target;
    __asm__ volatile("rep stosb" : "+D"(target), "+c"(count) : "a"(byte) : "memory");
    return answer;
}

__attribute__((weak)) void *memmove(void *target, const void *source, size_t count)
{
    if ((uintptr_t)target - (uintptr_t)source >= count)
        return memcpy(target, source, count);
    volatile unsigned char *to = target;
    const volatile unsigned char *from = source;
    while (count--)
        to[count] = from[count];
    return target;
}

__attribute__((weak)) int memcmp(const void *one, const void *other, size_t count)
{
    const volatile unsigned char *left = one, *right = other;
    for (size_t at = 0; at < count; at++)
        if (left[at] != right[at])
            return left[at] - right[at];
    return 0;
}

#endif
