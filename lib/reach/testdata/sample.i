# 0 "/kiln/src/lib/sample.c"
# 0 "<built-in>"
# 0 "<command-line>"
# 1 "/usr/include/stdc-predef.h" 1 3 4
# 0 "<command-line>" 2
# 1 "/kiln/src/lib/sample.c"
# 1 "/kiln/src/lib/sample.h" 1
# 10 "/kiln/src/lib/sample.h"
static inline int copy(const char *at, int len)
{
 return at == 0 || len < 0;
}
# 2 "/kiln/src/lib/sample.c" 2

void *malloc(unsigned long size);
void free(void *at);





static void *map(int page)
{
 return malloc(page);
}

static void unmap(void *at)
{
 free(at);
}


static int read_page(int page, int len)
{
 char *at;
 int ret;

 at = map(page);
 ret = copy(at,
     len);
 do { unmap(at); } while (0);

 return ret ? -1 : 0;
}

static int write_page(int page, int len)
{
 char *at = map(page);
 int ret = 0;

 if (len > 8)
  ret = -2;
 at[0] = ((len) * 2);



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
