// SPDX-License-Identifier: Apache-2.0
// Runs a model in ONNX Runtime through its C API, in rounds, as `serin bench --rounds` does.
//
//     rival LIBRARY MODEL INPUTS THREADS INTRA
//
// LIBRARY is libonnxruntime.so; INPUTS holds sets of inputs, which runs take in turn, and the names of
// the outputs (speed.py writes it); THREADS threads call Run at once, each call may use INTRA threads. The first line written says
// what loading took, from the file to the first answer; each line read (the seconds of a round) is
// answered by a line.
//
// The API is a table of function pointers to which versions only ever append, so that the few places
// used here are declared by their index. The caller's output buffers are given to Run where the model
// lets that be, which is the fastest way that the API has.
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void *handle;
typedef struct {
    void *(*get)(uint32_t version);
    const char *(*version)(void);
} api_base;

enum {
    GET_ERROR_MESSAGE = 2, CREATE_ENV = 3, CREATE_SESSION = 7, RUN = 9,
    CREATE_SESSION_OPTIONS = 10, SET_LOG_SEVERITY = 22, SET_INTRA_OP_THREADS = 24,
    SET_INTER_OP_THREADS = 25, CREATE_TENSOR_AS_VALUE = 48, CREATE_TENSOR_WITH_DATA = 49,
    IS_TENSOR = 50, FILL_STRING_TENSOR = 52, ALLOCATOR = 78, CREATE_CPU_MEMORY_INFO = 69,
    RELEASE_STATUS = 93, RELEASE_VALUE = 96,
};

static void **api;
static handle session;
static size_t input_count, output_count;
static const char *input_names[256], *output_names[256];
static uint32_t set_count;
static handle (*sets)[256];
static int keeps_outputs = 1;

#define CALL(index, result, ...) ((result(*)(__VA_ARGS__))api[index])

static void check(handle status, const char *what) {
    if (!status) return;
    fprintf(stderr, "rival: %s: %s\n", what, CALL(GET_ERROR_MESSAGE, const char *, handle)(status));
    exit(1);
}

static uint64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// Reading past the end of a file of our own making is a fault of ours: it ends the program.
static void take(FILE *file, void *target, size_t count) {
    if (count && fread(target, 1, count, file) != count) {
        fprintf(stderr, "rival: the inputs end too early\n");
        exit(2);
    }
}

static char *take_text(FILE *file) {
    uint32_t length;
    take(file, &length, sizeof length);
    char *text = calloc(length + 1, 1);
    take(file, text, length);
    return text;
}

static handle take_tensor(FILE *file, handle memory) {
    int32_t type;
    uint32_t rank;
    uint64_t byte_count;
    int64_t lengths[16];
    take(file, &type, sizeof type);
    take(file, &rank, sizeof rank);
    take(file, lengths, rank * sizeof *lengths);
    take(file, &byte_count, sizeof byte_count);
    void *data = aligned_alloc(64, (byte_count + 128) & ~63ull);
    take(file, data, byte_count);
    handle value = NULL;
    if (type != 8) {
        check(CALL(CREATE_TENSOR_WITH_DATA, handle, handle, void *, size_t, const int64_t *, size_t,
                   int, handle *)(memory, data, byte_count, lengths, rank, type, &value), "input");
        return value;
    }
    size_t count = 1;
    for (uint32_t axis = 0; axis < rank; axis++) count *= (size_t)lengths[axis];
    const char **texts = calloc(count + 1, sizeof *texts);
    const char *next = data;
    for (size_t index = 0; index < count; index++, next += strlen(next) + 1) texts[index] = next;
    handle allocator = NULL;
    check(CALL(ALLOCATOR, handle, handle *)(&allocator), "allocator");
    check(CALL(CREATE_TENSOR_AS_VALUE, handle, handle, const int64_t *, size_t, int, handle *)(
              allocator, lengths, rank, type, &value), "input");
    check(CALL(FILL_STRING_TENSOR, handle, handle, const char *const *, size_t)(
              value, texts, count), "strings");
    free(texts);
    return value;
}

static handle run(long number, handle *outputs) {
    return CALL(RUN, handle, handle, handle, const char *const *, const handle *, size_t,
                const char *const *, size_t, handle *)(
        session, NULL, input_names, sets[(unsigned long)number % set_count], input_count, output_names, output_count, outputs);
}

static void release(handle *outputs) {
    for (size_t index = 0; index < output_count; index++) {
        if (outputs[index]) CALL(RELEASE_VALUE, void, handle)(outputs[index]);
        outputs[index] = NULL;
    }
}

static void run_once(long number, handle *outputs) {
    if (!keeps_outputs) release(outputs);
    check(run(number, outputs), "run");
}

// Whether outputs of one run can be handed to the next: tensors whose declared shapes are right.
static void try_kept_outputs(void) {
    handle outputs[256] = {0};
    check(run(0, outputs), "first run");
    for (size_t index = 0; index < output_count; index++) {
        int is_tensor = 0;
        check(CALL(IS_TENSOR, handle, handle, int *)(outputs[index], &is_tensor), "output");
        if (!is_tensor) keeps_outputs = 0;
    }
    handle status = keeps_outputs ? run(0, outputs) : NULL;
    if (status) {
        keeps_outputs = 0;
        CALL(RELEASE_STATUS, void, handle)(status);
    }
    release(outputs);
}

typedef struct {
    double seconds;
    long runs;
    uint64_t nanoseconds;
} round_of_thread;

static void *run_round(void *argument) {
    round_of_thread *round = argument;
    handle outputs[256] = {0};
    run_once(0, outputs);
    uint64_t end = now(CLOCK_MONOTONIC) + (uint64_t)(round->seconds * 1e9);
    uint64_t start = now(CLOCK_THREAD_CPUTIME_ID), before, at = now(CLOCK_MONOTONIC);
    long block = 1;
    do {
        before = at;
        for (long index = 0; index < block; index++) run_once(round->runs++, outputs);
        at = now(CLOCK_MONOTONIC);
        if (at - before < 100000 && block < 1 << 16) block *= 2;
    } while (at < end);
    round->nanoseconds = now(CLOCK_THREAD_CPUTIME_ID) - start;
    release(outputs);
    return NULL;
}

int main(int count, char **words) {
    if (count != 6) return 2;
    void *library = dlopen(words[1], RTLD_NOW);
    if (!library) return fprintf(stderr, "rival: %s\n", dlerror()), 2;
    const api_base *(*get_base)(void) = (const api_base *(*)(void))dlsym(library, "OrtGetApiBase");
    api = get_base()->get(1);
    handle environment, options, memory;
    check(CALL(CREATE_ENV, handle, int, const char *, handle *)(4, "rival", &environment), "env");
    check(CALL(CREATE_CPU_MEMORY_INFO, handle, int, int, handle *)(0, 0, &memory), "memory");

    FILE *file = fopen(words[3], "rb");
    if (!file) return perror(words[3]), 2;
    uint32_t number;
    take(file, &set_count, sizeof set_count);
    sets = calloc(set_count, sizeof *sets);
    take(file, &number, sizeof number);
    input_count = number;
    for (size_t index = 0; index < input_count; index++) {
        input_names[index] = take_text(file);
        for (uint32_t set = 0; set < set_count; set++) sets[set][index] = take_tensor(file, memory);
    }
    take(file, &number, sizeof number);
    output_count = number;
    for (size_t index = 0; index < output_count; index++) output_names[index] = take_text(file);
    fclose(file);

    int threads = atoi(words[4]);
    uint64_t begin = now(CLOCK_MONOTONIC), spent = now(CLOCK_PROCESS_CPUTIME_ID);
    check(CALL(CREATE_SESSION_OPTIONS, handle, handle *)(&options), "options");
    check(CALL(SET_LOG_SEVERITY, handle, handle, int)(options, 4), "options");
    check(CALL(SET_INTRA_OP_THREADS, handle, handle, int)(options, atoi(words[5])), "options");
    check(CALL(SET_INTER_OP_THREADS, handle, handle, int)(options, 1), "options");
    check(CALL(CREATE_SESSION, handle, handle, const char *, handle, handle *)(
              environment, words[2], options, &session), "load");
    handle outputs[256] = {0};
    check(run(0, outputs), "first run");
    printf("{\"load_us\":%.1f,\"load_cpu_us\":%.1f,\"version\":\"%s\"}\n",
           (double)(now(CLOCK_MONOTONIC) - begin) / 1000,
           (double)(now(CLOCK_PROCESS_CPUTIME_ID) - spent) / 1000, get_base()->version());
    fflush(stdout);
    release(outputs);
    try_kept_outputs();

    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        pthread_t started[64];
        round_of_thread rounds[64] = {0};
        uint64_t start = now(CLOCK_MONOTONIC);
        for (int index = 0; index < threads && index < 64; index++) {
            rounds[index].seconds = atof(line);
            if (threads == 1) run_round(&rounds[0]);
            else pthread_create(&started[index], NULL, run_round, &rounds[index]);
        }
        long runs = 0;
        double processor = 0;
        for (int index = 0; index < threads && index < 64; index++) {
            if (threads > 1) pthread_join(started[index], NULL);
            runs += rounds[index].runs;
            processor += (double)rounds[index].nanoseconds / 1000;
        }
        printf("{\"us\":%.4f,\"cpu_us\":%.4f,\"runs\":%ld}\n",
               (double)(now(CLOCK_MONOTONIC) - start) / 1000 / (double)runs,
               processor / (double)runs, runs);
        fflush(stdout);
    }
    return 0;
}
