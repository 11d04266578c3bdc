// SPDX-License-Identifier: GPL-2.0
/*
 * kmap_bench: kmap()/kunmap() against kmap_local_page()/kunmap_local().
 *
 * Write anything to <debugfs>/kmap_bench/run: everything is measured in the writer's context and in
 * kernel threads that it starts, and the writer returns when all is done. Then read
 * <debugfs>/kmap_bench/results: lines "kiln-metric NAME VALUE UNIT", one a figure.
 *
 * Every loop is bounded, works in slices with cond_resched() between them, and every wait has a limit.
 */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>

static unsigned int pages = 2048;
module_param(pages, uint, 0444);
MODULE_PARM_DESC(pages, "pages to map; more than the kmap pool holds (512 with PAE)");
static unsigned int slices = 11;
module_param(slices, uint, 0444);
MODULE_PARM_DESC(slices, "slices a thread works through; the median is reported");
static unsigned int maps = 4096;
module_param(maps, uint, 0444);
MODULE_PARM_DESC(maps, "mappings in a slice");
static unsigned int threads;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "most threads at a time (0: one for each CPU online)");

#define WAIT_LIMIT (30 * HZ)
#define RESULT_SIZE (32 << 10)
#define MAX_THREADS 8

enum api { API_KMAP, API_LOCAL };
static const char *const api_name[] = { "kmap", "kmap_local" };

static struct dentry *dir;
static struct page **page_of;
static char *result;
static size_t result_len;
static DEFINE_MUTEX(run_lock);

static __printf(1, 2) void metric(const char *format, ...)
{
	va_list args;

	result_len += scnprintf(result + result_len, RESULT_SIZE - result_len, "kiln-metric ");
	va_start(args, format);
	result_len += vscnprintf(result + result_len, RESULT_SIZE - result_len, format, args);
	va_end(args);
	result_len += scnprintf(result + result_len, RESULT_SIZE - result_len, "\n");
}

/* What /proc/vmstat knows of TLB flushes, summed over the CPUs. */
struct tlb_events {
	unsigned long received, local_all, local_one;
};

static void read_tlb_events(struct tlb_events *now)
{
	memset(now, 0, sizeof(*now));
#if defined(CONFIG_VM_EVENT_COUNTERS) && defined(CONFIG_DEBUG_TLBFLUSH)
	{
		unsigned long *all = kcalloc(NR_VM_EVENT_ITEMS, sizeof(*all), GFP_KERNEL);

		if (!all)
			return;
		all_vm_events(all);
		now->received = all[NR_TLB_REMOTE_FLUSH_RECEIVED];
		now->local_all = all[NR_TLB_LOCAL_FLUSH_ALL];
		now->local_one = all[NR_TLB_LOCAL_FLUSH_ONE];
		kfree(all);
	}
#endif
}

/* ---- cost: threads map, touch and unmap, each its own share of the pages ---- */

struct worker {
	struct task_struct *task;
	enum api api;
	unsigned int index, of;
	struct completion *start;
	struct completion done;
	u32 *slice_ns; /* one for each slice */
	u32 sum;
};

static noinline u32 slice_kmap(unsigned int first, unsigned int step)
{
	unsigned int i, at = first;
	u32 sum = 0;

	for (i = 0; i < maps; i++) {
		u32 *va = kmap(page_of[at]);

		sum += READ_ONCE(*va);
		kunmap(page_of[at]);
		at += step;
		if (at >= pages)
			at = first;
	}
	return sum;
}

static noinline u32 slice_local(unsigned int first, unsigned int step)
{
	unsigned int i, at = first;
	u32 sum = 0;

	for (i = 0; i < maps; i++) {
		u32 *va = kmap_local_page(page_of[at]);

		sum += READ_ONCE(*va);
		kunmap_local(va);
		at += step;
		if (at >= pages)
			at = first;
	}
	return sum;
}

static int work(void *data)
{
	struct worker *w = data;
	unsigned int s;

	wait_for_completion(w->start);
	for (s = 0; s < slices; s++) {
		u64 t0 = ktime_get_ns();

		if (w->api == API_KMAP)
			w->sum += slice_kmap(w->index, w->of);
		else
			w->sum += slice_local(w->index, w->of);
		w->slice_ns[s] = ktime_get_ns() - t0;
		cond_resched();
	}
	complete(&w->done);
	return 0;
}

static int by_value(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

static int measure_cost(enum api api, unsigned int count)
{
	struct worker *workers = kcalloc(count, sizeof(*workers), GFP_KERNEL);
	u32 *ns = kcalloc(count * slices, sizeof(*ns), GFP_KERNEL);
	struct completion start;
	struct tlb_events before, after;
	unsigned int i, cpu = cpumask_first(cpu_online_mask);
	int err = -ENOMEM;
	u32 median, tenths;

	init_completion(&start);
	if (!workers || !ns)
		goto out;
	for (i = 0; i < count; i++) {
		struct worker *w = &workers[i];

		w->api = api;
		w->index = i;
		w->of = count;
		w->start = &start;
		w->slice_ns = ns + i * slices;
		init_completion(&w->done);
		w->task = kthread_create(work, w, "kmap_bench/%u", i);
		if (IS_ERR(w->task)) {
			err = PTR_ERR(w->task);
			/* The earlier ones are already waiting: let them run out. */
			count = i;
			complete_all(&start);
			while (i--)
				wait_for_completion(&workers[i].done);
			goto out;
		}
		kthread_bind(w->task, cpu);
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		wake_up_process(w->task);
	}
	read_tlb_events(&before);
	complete_all(&start);
	err = 0;
	for (i = 0; i < count; i++) {
		if (!err && !wait_for_completion_timeout(&workers[i].done, WAIT_LIMIT))
			err = -ETIMEDOUT;
		if (err) /* bounded work: it ends, only later than promised */
			wait_for_completion(&workers[i].done);
	}
	read_tlb_events(&after);
	if (err)
		goto out;

	sort(ns, count * slices, sizeof(*ns), by_value, NULL);
	median = ns[count * slices / 2];
	tenths = div_u64((u64)median * 10, maps);
	metric("%s/threads=%u/ns_per_map %u.%u ns", api_name[api], count, tenths / 10, tenths % 10);
	metric("%s/threads=%u/maps %u count", api_name[api], count, count * slices * maps);
	metric("%s/threads=%u/tlb_flushes %lu count", api_name[api], count, after.received - before.received);
	metric("%s/threads=%u/tlb_local_flush_all %lu count", api_name[api], count,
	       after.local_all - before.local_all);
	metric("%s/threads=%u/tlb_local_flush_one %lu count", api_name[api], count,
	       after.local_one - before.local_one);
out:
	kfree(ns);
	kfree(workers);
	return err;
}

/* ---- blocking: one holder fills the kmap pool, others want to map ---- */

#ifdef CONFIG_HIGHMEM
#define POOL LAST_PKMAP
#else
#define POOL 512 /* nothing can be exhausted; the same work is done */
#endif
#define MAPPERS 4
#define MAPPER_PAGES 32
#define FREE_SLOTS 8 /* fewer than one mapper wants: all must wait */
#define HOLD_MS 50

struct mapper {
	struct task_struct *task;
	enum api api;
	unsigned int first;
	struct completion *start, *release;
	struct completion done;
	unsigned int blocked_maps;
	u64 waited_ns;
};

/*
 * A mapping blocked if its thread gave up the CPU of its own accord inside the call: nothing else in
 * kmap() sleeps, and preemption is counted elsewhere (nivcsw).
 */
static int map_some(void *data)
{
	struct mapper *m = data;
	unsigned int i;

	wait_for_completion(m->start);
	for (i = 0; i < MAPPER_PAGES; i++) {
		unsigned long switches = current->nvcsw;
		u64 t0 = ktime_get_ns();
		void *va;

		if (m->api == API_KMAP)
			va = kmap(page_of[m->first + i]);
		else
			va = kmap_local_page(page_of[m->first + i]);
		if (current->nvcsw != switches) {
			m->blocked_maps++;
			m->waited_ns += ktime_get_ns() - t0;
		}
		READ_ONCE(*(u32 *)va);
		if (m->api == API_LOCAL)
			kunmap_local(va);
	}
	complete(&m->done);
	if (m->api == API_KMAP) {
		/* Held until all have what they want, so that nobody lives on another's leftovers. */
		wait_for_completion_timeout(m->release, WAIT_LIMIT);
		for (i = 0; i < MAPPER_PAGES; i++)
			kunmap(page_of[m->first + i]);
		complete(&m->done);
	}
	return 0;
}

static int measure_blocking(enum api api)
{
	struct mapper *mappers = kcalloc(MAPPERS, sizeof(*mappers), GFP_KERNEL);
	struct completion start, release;
	unsigned int i, made, blocked = 0, blocked_maps = 0, held = POOL - FREE_SLOTS;
	u64 waited = 0;
	int err = 0;

	if (!mappers)
		return -ENOMEM;
	init_completion(&start);
	init_completion(&release);
	for (made = 0; made < MAPPERS; made++) {
		struct mapper *m = &mappers[made];

		m->api = api;
		m->first = held + made * MAPPER_PAGES;
		m->start = &start;
		m->release = &release;
		init_completion(&m->done);
		m->task = kthread_run(map_some, m, "kmap_mapper/%u", made);
		if (IS_ERR(m->task)) {
			err = PTR_ERR(m->task);
			break;
		}
	}
	/* The holder is this thread. It leaves FREE_SLOTS, so it does not block itself. */
	for (i = 0; i < held; i++)
		kmap(page_of[i]);
	complete_all(&start);
	msleep(HOLD_MS);
	for (i = 0; i < held; i++)
		kunmap(page_of[i]);

	for (i = 0; i < made; i++)
		wait_for_completion(&mappers[i].done);
	complete_all(&release);
	for (i = 0; i < made; i++) {
		if (api == API_KMAP)
			wait_for_completion(&mappers[i].done);
		blocked += mappers[i].blocked_maps > 0;
		blocked_maps += mappers[i].blocked_maps;
		waited += mappers[i].waited_ns;
	}
	if (!err) {
		metric("%s/pool_full/mappers %u count", api_name[api], MAPPERS);
		metric("%s/pool_full/blocked_mappers %u count", api_name[api], blocked);
		metric("%s/pool_full/blocked_maps %u count", api_name[api], blocked_maps);
		metric("%s/pool_full/ns_waited %llu ns", api_name[api], waited);
	}
	kfree(mappers);
	return err;
}

/* ---- probe: a local mapping held across a switch to a thread that uses the same slot ---- */

struct pair {
	struct completion mapped, used, done;
	void *va_first, *va_second;
	u32 seen_first, seen_second;
	int cpu_before, cpu_after;
};

static int hold_across_switch(void *data)
{
	struct pair *p = data;
	u32 *va = kmap_local_page(page_of[0]);

	WRITE_ONCE(*va, 0x11111111);
	p->va_first = va;
	p->cpu_before = raw_smp_processor_id();
	complete(&p->mapped);
	wait_for_completion_timeout(&p->used, WAIT_LIMIT);
	p->cpu_after = raw_smp_processor_id();
	p->seen_first = READ_ONCE(*va);
	kunmap_local(va);
	complete(&p->done);
	return 0;
}

static int use_same_slot(void *data)
{
	struct pair *p = data;
	u32 *va;

	wait_for_completion_timeout(&p->mapped, WAIT_LIMIT);
	va = kmap_local_page(page_of[1]);
	WRITE_ONCE(*va, 0x22222222);
	p->va_second = va;
	/* The address of the other thread, as this thread sees it: another page, if it is the same. */
	p->seen_second = READ_ONCE(*va);
	kunmap_local(va);
	complete(&p->used);
	complete(&p->done);
	return 0;
}

static int probe_schedule(void)
{
	struct pair *p = kzalloc(sizeof(*p), GFP_KERNEL);
	struct task_struct *a, *b;
	unsigned int cpu = cpumask_last(cpu_online_mask);

	if (!p)
		return -ENOMEM;
	init_completion(&p->mapped);
	init_completion(&p->used);
	init_completion(&p->done);
	a = kthread_create(hold_across_switch, p, "kmap_hold");
	if (IS_ERR(a)) {
		kfree(p);
		return PTR_ERR(a);
	}
	b = kthread_create(use_same_slot, p, "kmap_other");
	if (IS_ERR(b)) {
		kthread_stop(a);
		kfree(p);
		return PTR_ERR(b);
	}
	kthread_bind(a, cpu);
	kthread_bind(b, cpu);
	wake_up_process(a);
	wake_up_process(b);
	wait_for_completion(&p->done);
	wait_for_completion(&p->done);
	metric("kmap_local/survives_schedule %d bool",
	       p->seen_first == 0x11111111 && p->cpu_before == p->cpu_after);
	metric("kmap_local/same_address_in_two_threads %d bool", p->va_first == p->va_second);
	metric("kmap_local/address_is_thread_local %d bool",
	       p->va_first == p->va_second && p->seen_first == 0x11111111 && p->seen_second == 0x22222222);
	kfree(p);
	return 0;
}

/* ---- probe: a page fault of user memory while a local mapping is held ---- */

static int probe_page_fault(void)
{
	unsigned long user = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, 0);
	unsigned long faults, left;
	u32 *va, *second, back = 0;

	if (IS_ERR_VALUE(user))
		return (long)user;
	va = kmap_local_page(page_of[2]);
	second = kmap_local_page(page_of[3]); /* nested */
	memset(va, 0x33, PAGE_SIZE);
	memset(second, 0x44, PAGE_SIZE);
	faults = current->min_flt + current->maj_flt;
	left = copy_to_user((void __user *)user, va, PAGE_SIZE);
	faults = current->min_flt + current->maj_flt - faults;
	if (get_user(back, (u32 __user *)user))
		back = 0;
	metric("kmap_local/takes_page_fault %d bool",
	       !left && faults > 0 && back == 0x33333333 && READ_ONCE(*va) == 0x33333333 &&
	       READ_ONCE(*second) == 0x44444444);
	metric("kmap_local/page_faults_while_mapped %lu count", faults);
	kunmap_local(second);
	kunmap_local(va);
	vm_munmap(user, PAGE_SIZE);
	return 0;
}

/* ---- probe: from a hard interrupt, on top of a mapping of the interrupted thread ---- */

struct irq_probe {
	struct hrtimer timer;
	void *va;
	u32 seen;
	bool hard;
	int done;
};

static enum hrtimer_restart map_in_interrupt(struct hrtimer *timer)
{
	struct irq_probe *p = container_of(timer, struct irq_probe, timer);
	u32 *va = kmap_local_page(page_of[4]);

	p->hard = in_hardirq();
	WRITE_ONCE(*va, 0x55555555);
	p->seen = READ_ONCE(*va);
	p->va = va;
	kunmap_local(va);
	smp_store_release(&p->done, 1);
	return HRTIMER_NORESTART;
}

static int probe_interrupt(void)
{
	struct irq_probe *p = kzalloc(sizeof(*p), GFP_KERNEL);
	u64 limit = ktime_get_ns() + 2 * NSEC_PER_SEC;
	u32 *va;
	bool intact;

	if (!p)
		return -ENOMEM;
	hrtimer_init(&p->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	p->timer.function = map_in_interrupt;
	va = kmap_local_page(page_of[5]); /* with HIGHMEM this keeps us on this CPU */
	WRITE_ONCE(*va, 0x66666666);
	hrtimer_start(&p->timer, ms_to_ktime(1), HRTIMER_MODE_REL_PINNED_HARD);
	while (!smp_load_acquire(&p->done) && ktime_get_ns() < limit)
		cpu_relax();
	intact = READ_ONCE(*va) == 0x66666666;
	kunmap_local(va);
	hrtimer_cancel(&p->timer);
	metric("kmap_local/works_in_interrupt %d bool", p->done && p->hard && p->seen == 0x55555555);
	metric("kmap_local/mapping_intact_after_interrupt %d bool", p->done && intact && p->va != va);
	kfree(p);
	return 0;
}

/* ---- all of it ---- */

static int run_all(void)
{
	unsigned int most = threads ? threads : num_online_cpus(), high = 0, i, n;
	int err = 0;

	most = clamp(most, 1U, (unsigned int)MAX_THREADS);
	result_len = 0;
	for (i = 0; i < pages; i++)
		high += PageHighMem(page_of[i]);
	metric("kmap_bench/pages %u count", pages);
	metric("kmap_bench/high_pages %u count", high);
	metric("kmap_bench/pool_slots %u count", IS_ENABLED(CONFIG_HIGHMEM) ? POOL : 0);
	for (n = 1; n <= most && !err; n *= 2) {
		err = measure_cost(API_KMAP, n);
		if (!err)
			err = measure_cost(API_LOCAL, n);
	}
	if (!err)
		err = measure_blocking(API_KMAP);
	if (!err)
		err = measure_blocking(API_LOCAL);
	if (!err)
		err = probe_schedule();
	if (!err)
		err = probe_page_fault();
	if (!err)
		err = probe_interrupt();
	return err;
}

static ssize_t run_write(struct file *file, const char __user *buffer, size_t count, loff_t *pos)
{
	int err = mutex_lock_interruptible(&run_lock);

	if (err)
		return err;
	err = run_all();
	mutex_unlock(&run_lock);
	return err ?: count;
}

static ssize_t results_read(struct file *file, char __user *buffer, size_t count, loff_t *pos)
{
	return simple_read_from_buffer(buffer, count, pos, result, result_len);
}

static const struct file_operations run_fops = { .owner = THIS_MODULE, .write = run_write };
static const struct file_operations results_fops = { .owner = THIS_MODULE, .read = results_read };

static void free_all(void)
{
	unsigned int i;

	for (i = 0; page_of && i < pages; i++)
		if (page_of[i])
			__free_page(page_of[i]);
	kvfree(page_of);
	kvfree(result);
}

static int __init kmap_bench_init(void)
{
	unsigned int i;

	if (pages < POOL + MAPPERS * MAPPER_PAGES || pages > (1U << 18) || !slices || slices > 1000 ||
	    !maps || maps > (1U << 20))
		return -EINVAL;
	page_of = kvcalloc(pages, sizeof(*page_of), GFP_KERNEL);
	result = kvmalloc(RESULT_SIZE, GFP_KERNEL);
	if (!page_of || !result)
		goto fail;
	for (i = 0; i < pages; i++) {
		page_of[i] = alloc_page(GFP_HIGHUSER | __GFP_ZERO);
		if (!page_of[i])
			goto fail;
	}
	dir = debugfs_create_dir("kmap_bench", NULL);
	debugfs_create_file("run", 0200, dir, NULL, &run_fops);
	debugfs_create_file("results", 0400, dir, NULL, &results_fops);
	return 0;
fail:
	free_all();
	return -ENOMEM;
}

static void __exit kmap_bench_exit(void)
{
	debugfs_remove(dir);
	free_all();
}

module_init(kmap_bench_init);
module_exit(kmap_bench_exit);
MODULE_DESCRIPTION("kmap() against kmap_local_page()");
MODULE_LICENSE("GPL");
