/* HELLO [name]: greets; the return code is the length of the name. It has addresses in its data, so that loading must relocate them. */
#include "cms.h"

static const char *volatile greetings[] = {"Hello,", "nobody"};

int cms_start(const struct cms *cms, const char *arguments, size_t length)
{
    char *line = cms->allocate(cms->context, length + 64);
    if (!line)
        return 104;
    const char *name = length ? arguments : greetings[1];
    size_t size = length ? length : cms_length(name), begin = cms_length(greetings[0]);
    memcpy(line, greetings[0], begin);
    line[begin] = ' ';
    memcpy(line + begin + 1, name, size);
    cms->write_line(cms->context, line, begin + 1 + size);
    cms->release(cms->context, line);
    cms_command(cms, "QUERY IMPCP");
    return (int)length;
}
