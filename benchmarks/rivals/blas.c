// Times matrix products of a BLAS or of oneDNN, and the peak of FMA.
//
//   gcc -O2 -o blas blas.c -ldl -lm
//   ./blas openblas|dnnl|/path/to/library.so SECONDS MatMul/f32/nn/512x1024x256 …
//   ./blas peak SECONDS Peak/f32/avx512 Peak/f32/avx2
//
// Prints a line for each case: its name and the median nanoseconds of a call
// (of 1e9 operations for a peak). Packing is inside the timing, as every call
// packs anew; a product of a batch is a call for each of its members.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef long long i64;
static void (*sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
static void (*dgemm)(int, int, int, int, int, int, double, const double *, int, const double *, int, double, double *, int);
static int (*dnnl)(char, char, i64, i64, i64, float, const float *, i64, const float *, i64, float, float *, i64);

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

// median calls f again and again, and returns the median nanoseconds of a call.
static double median(double seconds, void (*f)(void *), void *arg) {
	enum { most = 1 << 16 };
	static double took[most];
	for (int i = 0; i < 5; i++) f(arg);
	double one = now();
	f(arg);
	one = now() - one;
	int calls = one > 5e4 ? 1 : 1 + (int)(5e4 / (one + 1)); // at least 50 µs between looks at the clock
	int n = 0;
	for (double start = now(); n < most && (n < 3 || now() - start < seconds * 1e9); n++) {
		double t = now();
		for (int i = 0; i < calls; i++) f(arg);
		took[n] = (now() - t) / calls;
	}
	qsort(took, n, sizeof *took, ascending);
	return took[n / 2];
}

struct product {
	int f64, ta, tb, batch, m, n, k;
	void *a, *b, *c;
};

static void multiply(void *arg) {
	struct product *p = arg;
	int lda = p->ta ? p->m : p->k, ldb = p->tb ? p->k : p->n;
	for (int i = 0; i < p->batch; i++) {
		long oa = (long)i * p->m * p->k, ob = (long)i * p->k * p->n, oc = (long)i * p->m * p->n;
		if (p->f64)
			dgemm(101, 111 + p->ta, 111 + p->tb, p->m, p->n, p->k, 1, (double *)p->a + oa, lda, (double *)p->b + ob, ldb, 0, (double *)p->c + oc, p->n);
		else if (dnnl)
			dnnl("NT"[p->ta], "NT"[p->tb], p->m, p->n, p->k, 1, (float *)p->a + oa, lda, (float *)p->b + ob, ldb, 0, (float *)p->c + oc, p->n);
		else
			sgemm(101, 111 + p->ta, 111 + p->tb, p->m, p->n, p->k, 1, (float *)p->a + oa, lda, (float *)p->b + ob, ldb, 0, (float *)p->c + oc, p->n);
	}
}

static void *noise(long n, int f64) {
	void *p = aligned_alloc(64, (n * (f64 ? 8 : 4) + 63) & ~63L);
	for (long i = 0; i < n; i++) {
		double v = (double)rand() / RAND_MAX - 0.5;
		if (f64) ((double *)p)[i] = v;
		else ((float *)p)[i] = v;
	}
	return p;
}

// parse reads MatMul/f32/nt/8x128x128x64; the batch may be missing.
static int parse(const char *name, struct product *p) {
	char type[4], layout[3];
	int d[4], n = sscanf(name, "MatMul/%3[a-z0-9]/%2[nt]/%dx%dx%dx%d", type, layout, d, d + 1, d + 2, d + 3);
	if (n < 5) return 0;
	p->f64 = !strcmp(type, "f64"), p->ta = layout[0] == 't', p->tb = layout[1] == 't';
	p->batch = n == 6 ? d[0] : 1;
	int *s = n == 6 ? d + 1 : d;
	p->m = s[0], p->n = s[1], p->k = s[2];
	return 1;
}

// Twelve independent chains of FMA fill the pipes of every core so far; they
// are named, since the compiler keeps an array of them in memory.
#define TWELVE(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11)
#define DECLARE(i) , acc##i = y
#define CHAIN(i) __asm__ volatile("vfmadd231ps %1, %2, %0" : "+v"(acc##i) : "v"(x), "v"(y));
#define ADD(i) y += acc##i;
#define PEAK(name, isa, vec, set, store, lanes) \
	__attribute__((target(isa))) static void name(void *arg) { \
		vec x = set(0.999f), y = set(1e-7f) TWELVE(DECLARE); \
		for (long i = 0; i < 1000000000L / (12 * 2 * lanes); i++) { TWELVE(CHAIN) } \
		TWELVE(ADD) \
		store(arg, y); \
	}
PEAK(peak256, "avx2,fma", __m256, _mm256_set1_ps, _mm256_storeu_ps, 8)
PEAK(peak512, "avx512f", __m512, _mm512_set1_ps, _mm512_storeu_ps, 16)

int main(int argc, char **argv) {
	if (argc < 3) return fprintf(stderr, "usage: blas openblas|dnnl|LIBRARY|peak SECONDS CASE…\n"), 2;
	const char *which = argv[1];
	double seconds = atof(argv[2]);
	if (!strcmp(which, "peak")) {
		float sink[16];
		for (int i = 3; i < argc; i++)
			printf("%s %.1f\n", argv[i], median(seconds, strstr(argv[i], "avx512") ? peak512 : peak256, sink));
		return 0;
	}
	int one = !strcmp(which, "dnnl");
	const char *path = one ? "libdnnl.so.2" : !strcmp(which, "openblas") ? "libopenblas.so.0" : which;
	void *lib = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
	if (!lib) return fprintf(stderr, "%s\n", dlerror()), 1;
	if (one) *(void **)&dnnl = dlsym(lib, "dnnl_sgemm");
	*(void **)&sgemm = dlsym(lib, "cblas_sgemm");
	*(void **)&dgemm = dlsym(lib, "cblas_dgemm");
	if (one ? !dnnl : !sgemm) return fprintf(stderr, "%s has no products\n", path), 1;
	for (int i = 3; i < argc; i++) {
		struct product p;
		if (!parse(argv[i], &p)) return fprintf(stderr, "no product: %s\n", argv[i]), 1;
		p.a = noise((long)p.batch * p.m * p.k, p.f64);
		p.b = noise((long)p.batch * p.k * p.n, p.f64);
		p.c = noise((long)p.batch * p.m * p.n, p.f64);
		printf("%s %.1f\n", argv[i], median(seconds, multiply, &p));
		fflush(stdout);
		free(p.a), free(p.b), free(p.c);
	}
}
