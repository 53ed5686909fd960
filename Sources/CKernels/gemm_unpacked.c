// SPDX-License-Identifier: Apache-2.0
// A product by a matrix that is not packed yet. One whose columns lie side by side is taken as it lies;
// of another, group of panels after group is packed where it stays in a cache, and multiplied from there.
#include "gemm_internal.h"

// Of a matrix that is taken as it lies: enough that a thread which others keep waiting has little left to be
// waited for, and no more, as each reads shorter pieces of lines.
#define GROUPS_OF_PART 4

struct work {
    size_t groups, parts;
    size_t rows, columns, depth;
    const float *a;
    ptrdiff_t a_row_stride, a_depth_stride;
    const char *b;
    ptrdiff_t b_row_stride, b_column_stride;
    float scale;
    const struct serin_epilogue *epilogue;
    float *c;
    size_t c_stride;
    float *room;
    size_t room_of_part;
    size_t taken;  // groups that some part works on or has done
};

void serin_gemm_f32_direct_at(
    enum serin_cpu level, size_t rows, size_t columns, size_t depth, const float *a,
    ptrdiff_t row_stride, ptrdiff_t depth_stride, const void *b, ptrdiff_t line_stride, float scale,
    const struct serin_epilogue *e, float *c, size_t c_stride) {
    (void)level;  // Other processors have one form.
#if defined(__x86_64__)
    if (level >= SERIN_CPU_AVX2) {
        (level >= SERIN_CPU_AVX512 ? serin_gemm_f32_direct_avx512 : serin_gemm_f32_direct_avx2)(
            rows, columns, depth, a, row_stride, depth_stride, b, line_stride, scale, e, c, c_stride);
        return;
    }
#endif
    serin_gemm_f32_direct_from(
        0, rows, columns, depth, a, row_stride, depth_stride, b, line_stride, scale, e, c, c_stride);
    for (size_t i = 0; i < rows && e->function != SERIN_IDENTITY; i++)
        serin_map_f32(e->function, e->alpha, e->beta, columns, c + i * c_stride, c + i * c_stride);
}

static void multiply_group(const struct work *w, size_t group, float *room) {
    size_t panels = (w->columns + SERIN_PANEL - 1) / SERIN_PANEL;
    size_t first = panels * group / w->groups * SERIN_PANEL;
    size_t end = panels * (group + 1) / w->groups * SERIN_PANEL;
    if (end > w->columns) end = w->columns;
    struct serin_epilogue e = *w->epilogue;
    if (e.bias) e.bias += first;
    if (e.residual) e.residual += first;
    const char *from = w->b + (ptrdiff_t)first * w->b_column_stride * 4;
    if (w->b_column_stride == 1) {
        serin_gemm_f32_direct_at(
            serin_cpu_level(), w->rows, end - first, w->depth, w->a, w->a_row_stride,
            w->a_depth_stride, from, w->b_row_stride, w->scale, &e, w->c + first, w->c_stride);
        return;
    }
    serin_pack_f32(
        from, w->depth, end - first, w->b_row_stride, w->b_column_stride, w->scale, room);
    serin_gemm_f32(
        w->rows, end - first, w->depth, w->a, w->a_row_stride, w->a_depth_stride, room, &e,
        w->c + first, w->c_stride);
}

static void multiply_part(void *context, size_t part) {
    struct work *w = context;
    if (part >= w->parts) return;
    // One by one, as a thread that others keep waiting would be the last.
    for (;;) {
        size_t group = __atomic_fetch_add(&w->taken, 1, __ATOMIC_RELAXED);
        if (group >= w->groups) return;
        multiply_group(w, group, w->room + part * w->room_of_part);
    }
}

void serin_gemm_f32_unpacked(
    struct serin_team *team, size_t rows, size_t columns, size_t depth, const float *a,
    ptrdiff_t a_row_stride, ptrdiff_t a_depth_stride, const void *b, ptrdiff_t b_row_stride,
    ptrdiff_t b_column_stride, float scale, const struct serin_epilogue *epilogue, float *c,
    size_t c_stride, float *room, size_t count) {
    static const struct serin_epilogue none = {0};
    size_t panels = (columns + SERIN_PANEL - 1) / SERIN_PANEL;
    size_t parts = team ? serin_team_size(team) : 1;
    if (parts > panels / SERIN_LEAST_PANELS) parts = panels / SERIN_LEAST_PANELS;
    size_t groups = 1;
    if (b_column_stride == 1) {
        if (parts > 1) groups = parts * GROUPS_OF_PART;
        if (groups > panels / SERIN_LEAST_PANELS) groups = panels / SERIN_LEAST_PANELS;
    } else {
        size_t most = count / (depth * SERIN_PANEL * SERIN_LEAST_PANELS);
        if (parts > most) parts = most;
        // Groups are of equally many panels, one more or less: with at least four in the room and in
        // the whole, none is of a single one, which would add in another order.
        size_t held = count / parts / (depth * SERIN_PANEL);
        groups = (panels + held - 1) / held;
        if (groups < parts) groups = parts;
    }
    struct work work = {
        .groups = groups, .parts = parts, .rows = rows, .columns = columns, .depth = depth, .a = a,
        .a_row_stride = a_row_stride, .a_depth_stride = a_depth_stride, .b = b,
        .b_row_stride = b_row_stride, .b_column_stride = b_column_stride, .scale = scale,
        .epilogue = epilogue ? epilogue : &none, .c = c, .c_stride = c_stride, .room = room,
        .room_of_part = count / parts};
    if (parts > 1)
        serin_team_run(team, multiply_part, &work);
    else
        multiply_part(&work, 0);
}
