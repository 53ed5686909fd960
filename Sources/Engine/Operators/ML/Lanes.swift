// SPDX-License-Identifier: Apache-2.0

/// Eight values side by side that the compiler keeps in registers.
struct Lanes<Element> {
    var a: Element, b: Element, c: Element, d: Element
    var e: Element, f: Element, g: Element, h: Element

    @inline(__always)
    init(
        _ a: Element,
        _ b: Element,
        _ c: Element,
        _ d: Element,
        _ e: Element,
        _ f: Element,
        _ g: Element,
        _ h: Element
    ) {
        (self.a, self.b, self.c, self.d) = (a, b, c, d)
        (self.e, self.f, self.g, self.h) = (e, f, g, h)
    }

    @inline(__always)
    init(repeating value: Element) {
        self.init(value, value, value, value, value, value, value, value)
    }

    /// Replaces each value by what `step` makes of it and the number of its lane.
    @inline(__always)
    mutating func advance(_ step: (Element, Int) -> Element) {
        a = step(a, 0)
        b = step(b, 1)
        c = step(c, 2)
        d = step(d, 3)
        e = step(e, 4)
        f = step(f, 5)
        g = step(g, 6)
        h = step(h, 7)
    }

    /// Calls `body` with each value and its number, the first `count` of them.
    @inline(__always)
    func forEach(first count: Int, _ body: (Int, Element) -> Void) {
        body(0, a)
        guard count > 1 else { return }
        body(1, b)
        guard count > 2 else { return }
        body(2, c)
        guard count > 3 else { return }
        body(3, d)
        guard count > 4 else { return }
        body(4, e)
        guard count > 5 else { return }
        body(5, f)
        guard count > 6 else { return }
        body(6, g)
        guard count > 7 else { return }
        body(7, h)
    }
}

extension Lanes where Element == UInt32 {
    @inline(__always)
    static func == (left: Lanes, right: Lanes) -> Bool {
        (left.a ^ right.a) | (left.b ^ right.b) | (left.c ^ right.c) | (left.d ^ right.d)
            | (left.e ^ right.e) | (left.f ^ right.f) | (left.g ^ right.g) | (left.h ^ right.h)
            == 0
    }
}
