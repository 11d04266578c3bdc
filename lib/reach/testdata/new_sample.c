#include "sample.h"

void *malloc(unsigned long size);
void free(void *at);

#define LIMIT 8
#define TWICE(x) ((x) * 2)
#define UNUSED(x) ((x) * 3)

static void *map(int page)
{
	return malloc(page);
}

static void unmap(void *at)
{
	free(at);
}

/* Reads one page, by a local mapping. */
static int read_page(int page, int len)
{
	char *at;
	int ret;

	at = map_local(page);
	ret = copy(at,
		   len);
	unmap_local(at);

	return ret ? -1 : 0;
}

static int write_page(int page, int len)
{
	char *at = map(page);
	int ret = 0;

	if (len > LIMIT)
		ret = -2;
	at[0] = TWICE(len);
#ifdef CONFIG_TRACE
	trace(at);
#endif
	return ret;
}

static inline int nobody(int page)
{
	return page + 2;
}

int never(int page)
{
	return read_page(page + 0,
			 page + 1);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return write_page(64, argc);
	return read_page(64, 1);
}
