// SPDX-License-Identifier: Apache-2.0
import JSON
import Testing

@Suite struct ObjectReaderTests {
    enum Action: String, CaseIterable { case alert, fallback, unready }

    private func read(
        _ text: String,
        _ body: (ObjectReader) -> Void
    ) throws -> [String] {
        let problems = DocumentProblems()
        let document = try parseJSON(Array(text.utf8), dialect: .json5)
        let reader = ObjectReader(document, problems: problems)
        body(reader)
        reader.finish()
        return problems.list.map(\.description)
    }

    @Test func `an unknown key names the nearest known one`() throws {
        let found = try read("{catagories: ['a']}") { reader in
            _ = reader.optionalStrings("categories")
            _ = reader.optionalString("name")
        }
        #expect(found == ["unknown key 'catagories'; did you mean 'categories'?"])
    }

    @Test func `an unknown key near nothing lists what is known`() throws {
        let found = try read("{xyzzy: 1}") { reader in
            _ = reader.optionalString("name")
            _ = reader.optionalString("unit")
        }
        #expect(found == ["unknown key 'xyzzy'; known here: name, unit"])
    }

    @Test func `every problem is reported with its path`() throws {
        let text = """
            {name: 7, features: [{range: [1, 0]}, 3, {range: [0]}], wait: '3 s', size: '8MB2',
             then: 'alrt', share: 1.5, count: 2.5, big: 1e999, map: {'Very Good': 'x', Fair: 2}}
            """
        let found = try read(text) { reader in
            #expect(reader.string("name") == "")
            for feature in reader.objects("features") {
                #expect(feature.optionalRange("range") == nil)
                feature.finish()
            }
            #expect(reader.duration("wait", default: .seconds(1)) == .seconds(1))
            #expect(reader.byteSize("size", in: 1...100) == 1)
            let action: Action = reader.word("then")
            #expect(action == .alert)
            #expect(reader.number("share", in: 0...1, default: 0.5) == 0.5)
            #expect(reader.integer("count", in: 1...9) == 1)
            #expect(reader.optionalNumber("big") == nil)
            #expect(reader.numberMap("map") == ["Very Good": 0, "Fair": 2])
            #expect(reader.object("limits").integer("rows") == .min)
            #expect(reader.bool("flag") == false)
        }
        #expect(
            found == [
                "name: expected a string, found 7",
                "features[1]: expected an object, found a number",
                "features[0].range: the low end, 1.0, is above the high end, 0.0",
                "features[2].range: expected two finite numbers, [low, high], found an array",
                "wait: expected a duration such as \"30s\", \"250ms\" or \"5m\", found \"3 s\"",
                "size: expected a size such as \"8MiB\" from 1B to 100B, found \"8MB2\"",
                "then: expected one of 'alert', 'fallback', 'unready', found \"alrt\"; "
                    + "did you mean 'alert'?",
                "share: expected a finite number from 0.0 to 1.0, found 1.5",
                "count: expected a whole number from 1 to 9, found 2.5",
                "big: expected a finite number, found 1e999",
                "map[\"Very Good\"]: expected a finite number, found \"x\"",
                "limits: missing; expected an object",
                "flag: missing; expected true or false",
            ]
        )
    }

    @Test func `what is right is read and nothing reported`() throws {
        let text = """
            {a: 's', b: true, c: 3, d: 0.5, e: '250ms', f: '8MiB', g: 4096, h: 'unready',
             i: [1, 2], j: [0.5, 1], k: ['x'], l: {m: 1}, n: [{}]}
            """
        let found = try read(text) { reader in
            #expect(reader.string("a") == "s")
            #expect(reader.bool("b"))
            #expect(reader.integer("c", in: 0...3) == 3)
            #expect(reader.number("d") == 0.5)
            #expect(reader.duration("e") == .milliseconds(250))
            #expect(reader.byteSize("f") == 8_388_608)
            #expect(reader.byteSize("g") == 4096)
            #expect(reader.word("h") as Action == .unready)
            #expect(reader.integers("i") == [1, 2])
            #expect(reader.optionalRange("j") == 0.5...1)
            #expect(reader.strings("k") == ["x"])
            #expect(reader.numberMap("l") == ["m": 1])
            #expect(reader.objects("n").map(\.path) == ["n[0]"])
            #expect(reader.string("absent", default: "z") == "z")
            #expect(reader.optionalObjects("none").isEmpty)
        }
        #expect(found == [])
    }

    @Test func `a document that is no object is one problem`() throws {
        let found = try read("[1]") { reader in
            _ = reader.string("name")
        }
        #expect(found == ["expected an object, found an array"])
    }

    static let durations: [(text: String, value: Duration?)] = [
        ("30s", .seconds(30)), ("250ms", .milliseconds(250)), ("5m", .seconds(300)),
        ("1h", .seconds(3600)), ("7d", .days(7)), ("10us", .microseconds(10)), ("0s", .zero),
        ("", nil), ("s", nil), ("5", nil), ("-5s", nil), ("1.5s", nil), ("5 s", nil), ("5S", nil),
        ("9223372036854775807h", nil), ("99999999999999999999s", nil), ("٣s", nil),
    ]

    @Test(arguments: durations)
    func `durations are a whole number and a unit`(text: String, value: Duration?) {
        #expect(parseDuration(text) == value)
        if let value { #expect(parseDuration(durationText(value)) == value) }
    }

    static let sizes: [(text: String, value: Int?)] = [
        ("8MiB", 8 << 20), ("512KiB", 512 << 10), ("1GiB", 1 << 30), ("100B", 100),
        ("2MB", 2_000_000),
        ("0B", 0), ("8", nil), ("8 MiB", nil), ("-1B", nil), ("9999999999GiB", nil), ("8mib", nil),
    ]

    @Test(arguments: sizes)
    func `sizes are a whole number and a unit`(text: String, value: Int?) {
        #expect(parseByteSize(text) == value)
        if let value { #expect(parseByteSize(byteSizeText(value)) == value) }
    }

    static let near: [(word: String, among: [String], nearest: String?)] = [
        ("Idael", ["Fair", "Good", "Very Good", "Premium", "Ideal"], "Ideal"),
        ("ideal", ["Ideal"], "Ideal"), ("catagories", ["categories", "category"], "categories"),
        ("premum", ["Fair", "Premium"], "Premium"), ("D", ["E", "F"], nil), ("d", ["E", "D"], "D"),
        ("", ["a"], nil), ("unrelated", ["Fair", "Good"], nil), ("ab", ["abc"], nil),
        (String(repeating: "x", count: 300), ["x"], nil), ("abc", [], nil),
        ("VS3", ["VS1", "VS2"], "VS1"),
    ]

    @Test(arguments: near)
    func `the nearest word is a slip away`(word: String, among: [String], nearest: String?) {
        #expect(nearestWord(to: word, among: among) == nearest)
    }
}
