// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Artifacts

@Suite struct ReadNPZTests {
    @Test(arguments: ["stored.npz", "deflated.npz"])
    func `arrays of every kind are what NumPy wrote`(name: String) throws {
        let table = try DataTable.read(path: PackingFixture.path(name))
        #expect(table.rowCount == 3)
        let single = try #require(table.column("f4"))
        #expect(single.real(0) == Double(Float(0.1)) && single.isMissing(2))
        #expect(try #require(table.column("f2")).real(1) == -1.25)
        #expect(try #require(table.column("f8")).reals == [0.1, 1e300, -0.0])
        for (kind, values) in [
            ("i1", [-128, 0, 127]), ("i2", [-32768, 1, 32767]),
            ("i4", [-2_147_483_648, 2, 2_147_483_647]), ("i8", [.min, 3, .max]),
            ("u1", [0, 200, 255]), ("u2", [0, 40000, 65535]),
            ("u4", [0, 3_000_000_000, 4_294_967_295]), ("u8", [0, 5, .max]),
        ] as [(String, [Int64])] {
            #expect(try #require(table.column(kind)).integers == values, "\(kind)")
        }
        #expect(try #require(table.column("b1")).booleans == [true, false, true])
        #expect(try #require(table.column("U")).texts == ["Ideal", nil, "Grün 🙂"])
        #expect(try #require(table.column("S")).texts == ["a\0b", nil, "xyz"])
        #expect(try #require(table.column("words_1")).texts == ["b", "d", "e"])
    }

    @Test func `matrices are row by row, however NumPy laid them out`() throws {
        let table = try DataTable.read(path: PackingFixture.path("stored.npz"))
        for (name, shape) in [("matrix", [2]), ("turned", [4]), ("image", [2, 2, 3])] {
            guard case .tensors(let values) = try #require(table.column(name)).values else {
                Issue.record("\(name) is no tensor")
                continue
            }
            #expect(values.shape == shape)
            #expect(
                (0..<values.count).map { values.real($0) } == (0..<values.count).map(Double.init)
            )
        }
    }

    @Test func `a lone array has no name`() throws {
        let table = try DataTable.read(path: PackingFixture.path("one.npy"))
        #expect(!table.hasNames && table.columns.count == 1 && table.rowCount == 3)
    }

    @Test func `a member longer than a piece is whole`() throws {
        let table = try DataTable.read(path: PackingFixture.path("long.npz"))
        let values = try #require(table.column("x")).reals
        #expect(values.count == 100_000)
        #expect(values.indices.allSatisfy { values[$0] == Double($0 % 7) })
    }

    static let refused = [
        ("objects.npz", "array 'names': Python objects, which only Python can read (pickle)"),
        ("structured.npz", "array 't': a structured array; save an array for each column"),
        ("big.npz", "array 'x': big-endian elements"),
        ("dates.npz", "array 'x': elements of type '<M8"),
        ("uneven.npz", "array 'b': 4 rows; expected 3, as 'a' has"),
        ("packed_other.npz", "'x.npy' is packed by method 12"),
    ]

    @Test(arguments: refused)
    func `what cannot be read is named, with what to do`(name: String, sentence: String) throws {
        let found = try #require(refusal(of: PackingFixture.bytes(name)))
        #expect(found.contains(sentence), "\(found)")
    }

    @Test func `a file that is cut or changed is refused`() throws {
        let whole = try PackingFixture.bytes("deflated.npz")
        for end in stride(from: 2, to: whole.count, by: 11) {
            #expect(refusal(of: Array(whole[..<end])) != nil, "cut at \(end)")
        }
        var accepted = 0
        for index in stride(from: 0, to: whole.count, by: 7) {
            var bytes = whole
            bytes[index] ^= 0x10
            if refusal(of: bytes) == nil { accepted += 1 }
        }
        // Times, versions and the like say nothing about the values.
        #expect(accepted < whole.count / 14)
    }

    @Test func `more values than the limit are refused before they are kept`() throws {
        var options = DataOptions()
        options.valueLimit = 50
        let sentence = try #require(refusal(of: PackingFixture.bytes("long.npz"), options))
        #expect(sentence.contains("100000 elements; expected at most 50"))
    }
}
