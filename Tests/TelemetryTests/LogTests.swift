// SPDX-License-Identifier: Apache-2.0
import Dispatch
import JSON
import Platform
import Telemetry
import Testing

@Suite struct LogTests {
    private final class Lines: Sendable {
        private let lines = Guarded<[String]>([])
        func take(_ line: [UInt8]) {
            let text = String(decoding: line, as: UTF8.self)
            lines.withLock { $0.append(text) }
        }
        var all: [String] { lines.withLock { $0 } }
    }

    private func written(
        minimum: LogSeverity = .debug,
        _ body: (Log) -> Void
    ) -> [String] {
        let lines = Lines()
        let log = Log(
            minimum: minimum,
            now: { Timestamp(microseconds: 1_740_830_400_250_999) },
            sink: { lines.take($0) }
        )
        body(log)
        log.flush()
        return lines.all
    }

    @Test func `an event is one line of JSON`() {
        let trace = TraceContext(
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        )
        let lines = written { log in
            log.write(
                .info,
                "model.loaded",
                ["model": "diamonds", "bytes": 12],
                requestID: RequestID(valid: "r-1"),
                trace: trace
            )
        }
        #expect(
            lines == [
                """
                {"time":"2025-03-01T12:00:00.250Z","severity":"info","event":"model.loaded",\
                "model":"diamonds","bytes":12,"request_id":"r-1",\
                "trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331"}

                """
            ]
        )
    }

    @Test func `what is below the minimum is not written`() {
        let lines = written(minimum: .warning) { log in
            log.debug("a")
            log.info("b")
            log.warning("c")
            log.error("d")
        }
        #expect(lines.count == 2)
        #expect(lines.allSatisfy { $0.hasSuffix("\n") && $0.dropLast().contains("\n") == false })
    }

    static let hostile = [
        "a\nb", "\u{1B}[2J", "\u{7F}", "\u{9B}31m", "\u{202E}txt.exe", "\u{2028}", "\u{200B}",
        "\"},{\"severity\":\"error\"", "\u{0}", "\u{FEFF}", "\r\n", "\u{2066}",
    ]

    @Test(arguments: hostile)
    func `no text leaves its place`(text: String) throws {
        let lines = written { $0.info("event", ["text": .string(text), "event": "other"]) }
        let line = try #require(lines.first)
        #expect(lines.count == 1)
        for scalar in line.dropLast().unicodeScalars {
            let isHarmless = (0x20...0x7E).contains(scalar.value)
            #expect(isHarmless, "\(scalar.value)")
        }
        let value = try parseJSON(Array(line.utf8))
        #expect(value["text"]?.asString == text)
        #expect(value["severity"]?.asString == "info")
        #expect(value["event"]?.asString == "event")
        #expect(value["event_"]?.asString == "other")
    }

    @Test func `secrets are not written`() {
        let lines = written { log in
            log.info(
                "configured",
                [
                    "token": "s3cr3t", "api_key": "s3cr3t", "Authorization": "Bearer s3cr3t",
                    "nested": ["db-password": "s3cr3t", "list": [["client_secret": ["s3cr3t"]]]],
                    "header": "Authorization: Bearer s3cr3t and more", "basic": "Basic s3cr3t",
                    "tokens": 3, "private_key": ["a": "s3cr3t"], "broken": "tokenizer stays",
                ]
            )
        }
        #expect(lines.count == 1)
        #expect(lines.allSatisfy { !$0.contains("s3cr3t") })
        #expect(lines.allSatisfy { $0.contains("and more") && $0.contains("\"tokens\":3") })
        #expect(lines.allSatisfy { $0.contains("tokenizer stays") })
    }

    @Test func `long texts are cut`() throws {
        let lines = written {
            $0.info("event", ["text": .string(String(repeating: "é", count: 5000))])
        }
        #expect(lines.count == 1)
        #expect(lines.allSatisfy { $0.utf8.count < 2300 })
    }

    @Test func `a reader who stalls costs lines, not the caller's time`() {
        let lines = Lines()
        let gate = DispatchSemaphore(value: 0)
        let log = Log(sink: { line in
            gate.wait()
            lines.take(line)
            gate.signal()
        })
        for _ in 0..<Log.maximumPending + 100 { log.info("event") }
        #expect(log.droppedCount == 100)
        gate.signal()
        log.flush()
        let all = lines.all
        #expect(all.count == Log.maximumPending + 1)
        #expect(
            all.filter { $0.contains("log.lines_dropped") && $0.contains("\"count\":100") }.count
                == 1
        )
    }
}
