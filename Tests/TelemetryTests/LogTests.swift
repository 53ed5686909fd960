// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import JSON
import Platform
import Testing

@testable import Telemetry

@Suite struct LogTests {
    private final class Lines: Sendable {
        private let lines = Guarded<[String]>([])
        @discardableResult
        func take(_ line: [UInt8]) -> Bool {
            let text = String(decoding: line, as: UTF8.self)
            lines.withLock { $0.append(text) }
            return true
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
            return true
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

    @Test func `lines that find no room are counted, and told once there is some`() {
        let lines = Lines()
        let hasRoom = Guarded(true)
        let log = Log(sink: { line in hasRoom.withLock { $0 } && lines.take(line) })
        log.info("one")
        log.flush()
        hasRoom.withLock { $0 = false }
        for _ in 0..<3 { log.info("lost") }
        log.flush()
        #expect(log.droppedCount == 3)
        hasRoom.withLock { $0 = true }
        log.info("two")
        log.info("three")
        log.flush()
        let all = lines.all
        #expect(all.count == 4)
        #expect(all[0].contains("one") && all[1].contains("two") && all[3].contains("three"))
        #expect(all[2].contains("log.lines_dropped") && all[2].contains("\"count\":3"))
    }

    @Test func `a line that was cut is finished before the next one`() throws {
        // A pipe that nobody reads takes the beginning of a line only, as a full disk does.
        var ends: [Int32] = [-1, -1]
        #expect(unsafe pipe(&ends) == 0)
        let reading = Descriptor(owning: ends[0])
        let writing = Descriptor(owning: ends[1])
        for end in [reading.number, writing.number] {
            #expect(fcntl(end, F_SETFL, O_NONBLOCK) == 0)
        }
        let output = LogOutput(number: writing.number)
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20) + [0x0A]
        #expect(output.take(long))
        #expect(!output.take(Array("lost\n".utf8)))
        var taken: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        var isWritten = false
        while true {
            let count = unsafe read(reading.number, &piece, piece.count)
            if count > 0 {
                taken += piece[..<count]
            } else if isWritten {
                break
            } else {
                isWritten = output.take(Array("next\n".utf8))
            }
        }
        #expect(taken == long + Array("next\n".utf8))
    }
}
