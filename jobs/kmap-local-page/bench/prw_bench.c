// SPDX-License-Identifier: GPL-2.0
/*
 * prw_bench: the pread and pwrite ioctls of i915 on a shmem object, which is where the series changed
 * i915_gem.c. Prints "kiln-metric NAME VALUE UNIT" lines. Needs a DRM node of i915: the mock node
 * (i915.mock_node=1) or a real GPU whose driver still has these ioctls. Exit 0 measured, 3 no such node.
 *
 * Built on the kernel's nolibc: no 64-bit division, no floating point.
 */
#include <i915_drm.h> /* from the kernel source */
#include <linux/time_types.h>

#define PAGES 2048u /* four times what the kmap pool holds with PAE */
#define SIZE (PAGES * 4096u)
#define REPEATS 9

static char *buffer;
static int drm = -1;
static unsigned int handle;

static unsigned long long now_ns(void)
{
#ifdef __NR_clock_gettime64
	struct __kernel_timespec t;

	my_syscall2(__NR_clock_gettime64, 1, &t);
	return (unsigned long long)t.tv_sec * 1000000000u + t.tv_nsec;
#else
	struct timespec t;

	my_syscall2(__NR_clock_gettime, 1, &t);
	return (unsigned long long)t.tv_sec * 1000000000u + t.tv_nsec;
#endif
}

/* vm_event NAME of /proc/vmstat, summed over CPUs by the kernel; 0 if this kernel does not count it. */
static unsigned int vm_event(const char *name)
{
	static char text[32768];
	int fd = open("/proc/vmstat", O_RDONLY, 0), got = 0, n;
	unsigned int length = strlen(name);
	char *p;

	if (fd < 0)
		return 0;
	while (got < (int)sizeof(text) - 1 && (n = read(fd, text + got, sizeof(text) - 1 - got)) > 0)
		got += n;
	close(fd);
	text[got] = 0;
	for (p = text; *p; p++) {
		if (!memcmp(p, name, length) && p[length] == ' ')
			return atol(p + length + 1);
		while (*p && *p != '\n')
			p++;
		if (!*p)
			break;
	}
	return 0;
}

static int is_i915(int fd)
{
	char name[16];
	struct drm_version version;

	memset(&version, 0, sizeof(version));
	memset(name, 0, sizeof(name));
	version.name = name;
	version.name_len = sizeof(name) - 1;
	return ioctl(fd, DRM_IOCTL_VERSION, &version) == 0 && !strcmp(name, "i915");
}

static int open_node(void)
{
	char path[] = "/dev/dri/renderD128";
	int i, fd;

	for (i = 0; i < 16; i++) {
		int number = 128 + i;

		path[16] = '0' + number / 100;
		path[17] = '0' + number / 10 % 10;
		path[18] = '0' + number % 10;
		fd = open(path, O_RDWR, 0);
		if (fd >= 0 && is_i915(fd))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

static int transfer(int write, unsigned int offset, unsigned int size)
{
	if (write) {
		struct drm_i915_gem_pwrite arg = { .handle = handle, .offset = offset, .size = size,
						   .data_ptr = (unsigned long)buffer };
		return ioctl(drm, DRM_IOCTL_I915_GEM_PWRITE, &arg);
	} else {
		struct drm_i915_gem_pread arg = { .handle = handle, .offset = offset, .size = size,
						  .data_ptr = (unsigned long)buffer };
		return ioctl(drm, DRM_IOCTL_I915_GEM_PREAD, &arg);
	}
}

/* One pass over the object: in one call, or one call of `step` bytes for each page. */
static int pass(int write, unsigned int offset, unsigned int step)
{
	unsigned int page;

	if (!step)
		return transfer(write, offset, SIZE - 4096);
	for (page = 0; page < PAGES - 1; page++)
		if (transfer(write, page * 4096 + offset, step))
			return -1;
	return 0;
}

static int measure(const char *name, const char *unit_name, int write, unsigned int offset, unsigned int step)
{
	unsigned int ns[REPEATS], i, j, flushes, local, tenths, fraction;

	if (pass(write, offset, step)) {
		fprintf(stderr, "prw_bench: %s failed, errno %d\n", name, errno);
		return 1;
	}
	flushes = vm_event("nr_tlb_remote_flush_received");
	local = vm_event("nr_tlb_local_flush_one");
	for (i = 0; i < REPEATS; i++) {
		unsigned long long t0 = now_ns();

		if (pass(write, offset, step))
			return 1;
		ns[i] = now_ns() - t0; /* 4 s at most */
	}
	flushes = vm_event("nr_tlb_remote_flush_received") - flushes;
	local = vm_event("nr_tlb_local_flush_one") - local;
	for (i = 1; i < REPEATS; i++)
		for (j = i; j && ns[j - 1] > ns[j]; j--) {
			unsigned int t = ns[j];

			ns[j] = ns[j - 1];
			ns[j - 1] = t;
		}
	tenths = ns[REPEATS / 2] / (PAGES - 1);
	fraction = ns[REPEATS / 2] % (PAGES - 1) * 10 / (PAGES - 1);
	printf("kiln-metric i915/%s/%s %d.%d ns\n", name, unit_name, (int)tenths, (int)fraction);
	printf("kiln-metric i915/%s/pages %d count\n", name, (int)((PAGES - 1) * REPEATS));
	printf("kiln-metric i915/%s/tlb_flushes %d count\n", name, (int)flushes);
	printf("kiln-metric i915/%s/tlb_local_flush_one %d count\n", name, (int)local);
	return 0;
}

int main(void)
{
	struct drm_i915_gem_create create = { .size = SIZE };
	unsigned int i;
	int bad = 0;

	drm = open_node();
	if (drm < 0) {
		fprintf(stderr, "prw_bench: no DRM node of i915 among /dev/dri/renderD128..143: nothing measured\n");
		return 3;
	}
	if (ioctl(drm, DRM_IOCTL_I915_GEM_CREATE, &create)) {
		fprintf(stderr, "prw_bench: cannot make an object of %d bytes, errno %d\n", (int)SIZE, errno);
		return 1;
	}
	handle = create.handle;
	buffer = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffer == MAP_FAILED) {
		fprintf(stderr, "prw_bench: no memory for the buffer\n");
		return 1;
	}
	for (i = 0; i < SIZE; i += 4096)
		buffer[i] = i >> 12;
	/* Reading first gives the object its pages; before that a write takes another path (pagecache). */
	bad |= measure("pread", "ns_per_page", 0, 0, 0);
	bad |= measure("pwrite", "ns_per_page", 1, 0, 0);
	bad |= measure("pread_unaligned", "ns_per_page", 0, 1031, 0);
	bad |= measure("pwrite_unaligned", "ns_per_page", 1, 1031, 0);
	bad |= measure("pread_small", "ns_per_call", 0, 128, 64);
	bad |= measure("pwrite_small", "ns_per_call", 1, 128, 64);

	/* What was written is what is read. */
	for (i = 0; i < SIZE; i += 64)
		buffer[i] = i * 2654435761u >> 24;
	bad |= pass(1, 0, 0) != 0;
	memset(buffer, 0, SIZE - 4096);
	bad |= pass(0, 0, 0) != 0;
	for (i = 0; i < SIZE - 4096; i += 64)
		if (buffer[i] != (char)(i * 2654435761u >> 24))
			break;
	printf("kiln-metric i915/prw/contents_right %d bool\n", i >= SIZE - 4096);
	return bad;
}
