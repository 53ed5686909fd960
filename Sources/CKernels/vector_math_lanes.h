// SPDX-License-Identifier: Apache-2.0
// The functions of vector_math.h for one vector width; included by a file that defines
//   TARGET, LANES, V (floats), VI (32-bit integers), M (a mask), NAME
//   LD ST SET FMA ADD SUB MUL DIV ABS LT SEL (mask, then, else) BITS FLOAT ISET IADD ISUB ISHL ISRA
//
// Every form performs the same operations in the same order, so that all give the same bits (NaNs
// may differ in sign and payload). The polynomials are own minimax fits (weighted least squares,
// reweighted after Lawson); their relative errors stand beside them.

// A compiler that joined a product and a sum at one level and not at another would change bits.
#pragma STDC FP_CONTRACT OFF

// The number that pushes a small whole number into the last bits of a float's fraction.
#define SHIFTER 12582912.0f

#define LANE TARGET static inline __attribute__((always_inline))

// e^x: x = n ln 2 + r, e^r = 1 + r + r^2 P(r), |r| <= ln 2 / 2; P is good to 3.1e-9.
// The power of two is applied in halves, so that subnormal results come out rounded.
LANE V NAME(exp)(V x) {
    x = SEL(LT(x, SET(-104.0f)), SET(-104.0f), x);
    x = SEL(LT(SET(89.0f), x), SET(89.0f), x);
    V shifted = FMA(x, SET(1.44269504f), SET(SHIFTER));
    V n = SUB(shifted, SET(SHIFTER));
    V r = FMA(n, SET(-0.693145751953125f), x);
    r = FMA(n, SET(-1.42860677e-6f), r);
    V p = SET(1.381460199e-3f);
    p = FMA(p, r, SET(8.368715204e-3f));
    p = FMA(p, r, SET(4.166838789e-2f));
    p = FMA(p, r, SET(1.666652065e-1f));
    p = FMA(p, r, SET(4.999999345e-1f));
    p = FMA(MUL(r, r), p, r);
    p = ADD(p, SET(1.0f));
    VI power = ISUB(BITS(shifted), ISET(0x4B400000));
    VI half = ISRA(power, 1);
    VI rest = ISUB(power, half);
    V low = FLOAT(ISHL(IADD(half, ISET(127)), 23));
    V high = FLOAT(ISHL(IADD(rest, ISET(127)), 23));
    return MUL(MUL(p, low), high);
}

// ln x: x = 2^e m, m between sqrt(1/2) and sqrt(2), t = m - 1,
// ln m = t - t^2 / 2 + t^3 P(t); P is good to 7.5e-10.
LANE V NAME(log)(V x) {
    M is_tiny = LT(x, SET(1.17549435e-38f));
    V scaled = SEL(is_tiny, MUL(x, SET(8388608.0f)), x);
    V offset = SEL(is_tiny, SET(-23.0f), SET(0.0f));
    VI e = ISRA(ISUB(BITS(scaled), ISET(0x3F3504F3)), 23);
    V m = FLOAT(ISUB(BITS(scaled), ISHL(e, 23)));
    V n = ADD(SUB(FLOAT(IADD(e, ISET(0x4B400000))), SET(SHIFTER)), offset);
    V t = SUB(m, SET(1.0f));
    V p = SET(6.746641069e-2f);
    p = FMA(p, t, SET(-1.167565198e-1f));
    p = FMA(p, t, SET(1.188816209e-1f));
    p = FMA(p, t, SET(-1.240558888e-1f));
    p = FMA(p, t, SET(1.421955238e-1f));
    p = FMA(p, t, SET(-1.666799586e-1f));
    p = FMA(p, t, SET(2.000211866e-1f));
    p = FMA(p, t, SET(-2.500000960e-1f));
    p = FMA(p, t, SET(3.333331260e-1f));
    V square = MUL(t, t);
    V small = FMA(MUL(square, t), p, MUL(n, SET(-2.12194440e-4f)));
    small = FMA(square, SET(-0.5f), small);
    V result = FMA(n, SET(0.693359375f), ADD(small, t));
    // What is not a positive finite number: 0, infinity, NaN, and the negative ones.
    result = SEL(LT(x, SET(__builtin_inff())), result, x);
    result = SEL(LT(x, SET(1.4e-45f)), SET(-__builtin_inff()), result);
    return SEL(LT(x, SET(0.0f)), SET(__builtin_nanf("")), result);
}

// tanh x = x P(x^2) / Q(x^2) up to 9.1, good to 1.5e-9; 1 beyond.
LANE V NAME(tanh)(V x) {
    V size = ABS(x);
    V c = SEL(LT(SET(9.1f), size), SET(9.1f), size);
    V y = MUL(c, c);
    V p = SET(-1.2032810030e-11f);
    p = FMA(p, y, SET(3.0354453874e-8f));
    p = FMA(p, y, SET(2.7911525255e-5f));
    p = FMA(p, y, SET(3.8635735644e-3f));
    p = FMA(p, y, SET(0.1367612153f));
    p = FMA(p, y, SET(0.9999999986f));
    V q = SET(1.2806650490e-6f);
    q = FMA(q, y, SET(3.9302483129e-4f));
    q = FMA(q, y, SET(2.7228440915e-2f));
    q = FMA(q, y, SET(0.4700945348f));
    q = FMA(q, y, SET(1.0f));
    V result = DIV(MUL(c, p), q);
    result = SEL(LT(SET(1.0f), result), SET(1.0f), result);
    result = SEL(LT(SET(9.1f), size), SET(1.0f), result);
    return SEL(LT(x, SET(0.0f)), SUB(SET(0.0f), result), SEL(LT(size, SET(1e-4f)), x, result));
}

// erfc(t) e^(t^2) = u Q(u), u = 1 / (1 + 0.35 t), for t in [0, 10]; Q is good to 7.1e-9.
LANE V NAME(scaled_erfc)(V t) {
    V u = DIV(SET(1.0f), FMA(SET(0.35f), t, SET(1.0f)));
    V q = SET(3.840108125e-2f);
    q = FMA(q, u, SET(-1.589284424e-1f));
    q = FMA(q, u, SET(1.814616014e-1f));
    q = FMA(q, u, SET(-2.770615898e-2f));
    q = FMA(q, u, SET(8.701918247e-2f));
    q = FMA(q, u, SET(1.460419589e-1f));
    q = FMA(q, u, SET(1.511862639e-1f));
    q = FMA(q, u, SET(1.879023861e-1f));
    q = FMA(q, u, SET(1.971383562e-1f));
    q = FMA(q, u, SET(1.974837783e-1f));
    return MUL(q, u);
}

// erf x: x + x P(x^2) below 1, P good to 1.2e-9; 1 - erfc x from there on.
LANE V NAME(erf)(V x) {
    V size = ABS(x);
    V y = MUL(x, x);
    V p = SET(7.853841790e-5f);
    p = FMA(p, y, SET(-8.010187209e-4f));
    p = FMA(p, y, SET(5.188326875e-3f));
    p = FMA(p, y, SET(-2.685381144e-2f));
    p = FMA(p, y, SET(1.128358513e-1f));
    p = FMA(p, y, SET(-3.761262582e-1f));
    p = FMA(p, y, SET(1.283791657e-1f));
    V near = FMA(x, p, x);
    V t = SEL(LT(SET(10.0f), size), SET(10.0f), size);
    V power = NAME(exp)(SUB(SET(0.0f), MUL(t, t)));
    V far = SUB(SET(1.0f), MUL(power, NAME(scaled_erfc)(t)));
    far = SEL(LT(x, SET(0.0f)), SUB(SET(0.0f), far), far);
    return SEL(LT(size, SET(1.0f)), near, far);
}

// Takes the exponential of a negative number only, which cannot overflow.
LANE V NAME(sigmoid)(V x) {
    V power = NAME(exp)(SUB(SET(0.0f), ABS(x)));
    return DIV(SEL(LT(x, SET(0.0f)), power, SET(1.0f)), ADD(power, SET(1.0f)));
}

// x * share, and 0 where the share is: minus infinity has its limit.
LANE V NAME(share)(V x, V share) {
    return SEL(LT(share, SET(1e-45f)), SET(0.0f), MUL(x, share));
}

// max(x, 0) - |x| erfc(|x| / sqrt 2) / 2: no digits cancel for negative x.
LANE V NAME(gelu)(V x) {
    V size = ABS(x);
    size = SEL(LT(SET(14.5f), size), SET(14.5f), size);
    V square = MUL(size, size);
    V lost = FMA(size, size, SUB(SET(0.0f), square));
    V power = NAME(exp)(MUL(square, SET(-0.5f)));
    power = FMA(power, MUL(lost, SET(-0.5f)), power);
    V t = MUL(size, SET(0.707106781f));
    V tail = MUL(MUL(power, SET(0.5f)), NAME(scaled_erfc)(t));
    V kept = SEL(LT(x, SET(0.0f)), SET(0.0f), x);
    return FMA(SUB(SET(0.0f), size), tail, kept);
}

LANE V NAME(gelu_tanh)(V x) {
    V inner = FMA(MUL(MUL(x, x), SET(0.044715f)), x, x);
    return NAME(share)(x, NAME(sigmoid)(MUL(inner, SET(1.5957691216f))));
}

LANE V NAME(clip)(V x, V low, V high) {
    x = SEL(LT(x, low), low, x);
    return SEL(LT(high, x), high, x);
}

#define LINE(EXPRESSION)                                                                          \
    for (; i + LANES <= count; i += LANES) {                                                      \
        V x = LD(source + i);                                                                     \
        ST(y + i, EXPRESSION);                                                                    \
    }                                                                                             \
    if (i < count) {                                                                              \
        float rest[LANES] = {0};                                                                  \
        for (size_t j = 0; j < count - i; j++) rest[j] = source[i + j];                           \
        V x = LD(rest);                                                                           \
        ST(rest, EXPRESSION);                                                                     \
        for (size_t j = 0; j < count - i; j++) y[i + j] = rest[j];                                \
    }                                                                                             \
    return;

TARGET void MAP(
    enum serin_function function, float first, float second, size_t count, const float *source,
    float *y) {
    size_t i = 0;
    const V alpha = SET(first), beta = SET(second);
    switch (function) {
    case SERIN_IDENTITY: LINE(x)
    case SERIN_RELU: LINE(SEL(LT(x, SET(0.0f)), SET(0.0f), x))
    case SERIN_CLIP: LINE(NAME(clip)(x, alpha, beta))
    case SERIN_LEAKY: LINE(SEL(LT(x, SET(0.0f)), MUL(alpha, x), x))
    case SERIN_HARD_SIGMOID:
        LINE(NAME(clip)(ADD(MUL(alpha, x), beta), SET(0.0f), SET(1.0f)))
    case SERIN_HARD_SWISH:
        LINE(MUL(x, NAME(clip)(ADD(DIV(x, SET(6.0f)), SET(0.5f)), SET(0.0f), SET(1.0f))))
    case SERIN_EXP: LINE(NAME(exp)(x))
    case SERIN_LOG: LINE(NAME(log)(x))
    case SERIN_TANH: LINE(NAME(tanh)(x))
    case SERIN_ERF: LINE(NAME(erf)(x))
    case SERIN_SIGMOID: LINE(NAME(sigmoid)(x))
    case SERIN_SWISH: LINE(NAME(share)(x, NAME(sigmoid)(MUL(alpha, x))))
    case SERIN_GELU: LINE(NAME(gelu)(x))
    case SERIN_GELU_TANH: LINE(NAME(gelu_tanh)(x))
    }
}
