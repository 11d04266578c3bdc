#include "sample.h"

void *malloc(unsigned long size);
void free(void *at);

#define LIMIT 10
#define TWICE(x) ((x) + (x))

static void *map(int page)
{
	return malloc(page);
}

static void unmap(void *at)
{
	free(at);
}

/* Reads one page. */
static int read_page(int page, int len)
{
	char *at;
	int ret;

	at = map(page);
	ret = copy(at, len);
	unmap(at);

	return ret ? -1 : 0;
}

static int write_page(int page, int len)
{
	char *at = map(page);
	int ret = 0;
	int spare;

	if (len > LIMIT)
		ret = -2;
	at[0] = TWICE(len);
	unmap(at);
	return ret;
}

int never(int page)
{
	return read_page(page,
			 page + 1);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return write_page(64, argc);
	return read_page(64, 1);
}
