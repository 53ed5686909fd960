// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform
import Testing

@testable import serin

@Suite struct StatusPageTests {
    private func page(_ file: String) throws -> StatusPage {
        let folder = parentDirectory(of: #filePath) + "/Fixtures/"
        return StatusPage(try parseJSON(try readFile(path: folder + file, limit: 1 << 20)))
    }

    @Test func `a daemon that is well reads well`() throws {
        let page = try page("status-well.json")
        #expect(page.isWell)
        #expect(
            page.text == """
                serin 0.1.0, up 1 h 1 min, ready
                memory 61.5 MiB in use, budget 118 MiB, limit 512 MiB

                MODEL           VERSION  STATE   SOURCE  CANARY             DEVIATION  BREAKER  INTEGRITY  REQUESTS  FALLBACK ROWS
                diamonds-price  2*       active  model   passing, 12 s ago  2.1e-7     closed   ok         12034     3
                diamonds-price  1        held    model   passing, 40 s ago  0          closed   ok         0         0

                [+]  canary    ok  12 s ago  2.1e-07 of 0.0001
                [+]  shutdown  ok  -
                """
        )
    }

    @Test func `a fallback, an order and a refused version stand out`() throws {
        let page = try page("status-unwell.json")
        #expect(!page.isWell)
        let text = page.text
        #expect(text.contains("NOT READY"))
        #expect(text.contains("fallback (override)"))
        #expect(text.contains("override  diamonds-price: fallback until 2025-03-01T13:00:00.000Z"))
        #expect(text.contains("by ada: prices look wrong"))
        #expect(text.contains("refused   diamonds-price 3: model.onnx: digest differs"))
        #expect(text.contains("[-]  canary  failed"))
    }

    @Test(arguments: ["{}", "[]", "null", #"{"models": [{}], "checks": [{}], "memory": 3}"#])
    func `an answer that lacks anything prints dashes`(document: String) throws {
        let page = StatusPage(try parseJSON(Array(document.utf8)))
        #expect(!page.isWell)
        #expect(page.text.contains("-"))
    }

    static let deviations: [(number: Double, written: String)] = [
        (0, "0"), (2.1e-7, "2.1e-7"), (0.00011, "1.1e-4"), (1, "1.0e0"), (0.0999, "1.0e-1"),
        (9.96, "1.0e1"), (1234, "1.2e3"),
    ]

    @Test(arguments: deviations)
    func `a deviation has two digits`(number: Double, written: String) {
        #expect(deviation(.number(number)) == written)
    }

    static let sizes: [(bytes: Int, written: String)] = [
        (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (8 << 20, "8 MiB"),
        (1_534_919_475, "1.43 GiB"), (5 << 40, "5 TiB"),
    ]

    @Test(arguments: sizes)
    func `bytes are rounded to three digits`(bytes: Int, written: String) {
        #expect(roundedBytes(bytes) == written)
    }

    static let spans: [(seconds: Double, written: String)] = [
        (0, "0 s"), (0.42, "0.4 s"), (9.94, "9.9 s"), (12, "12 s"), (65, "1 min 5 s"),
        (3600, "1 h"), (3605, "1 h"), (90_061, "1 d 1 h"),
    ]

    @Test(arguments: spans)
    func `seconds are told in the two largest units`(seconds: Double, written: String) {
        #expect(spokenSeconds(.number(seconds)) == written)
    }

    @Test func `a name goes into a path as one segment`() {
        #expect(pathSegment("diamonds-price") == "diamonds-price")
        #expect(pathSegment("a/../b ?é") == "a%2F..%2Fb%20%3F%C3%A9")
    }
}
