#ifndef SAMPLE_H
#define SAMPLE_H

#define map_local(page) map(page)
#define unmap_local(at)     \
	do {                \
		unmap(at);  \
	} while (0)

static inline int copy(const char *at, int len)
{
	return at == 0 || len < 0;
}

#endif
