// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Platform

@Suite struct TimestampTests {
    static let written: [(text: String, microseconds: Int64)] = [
        ("1970-01-01T00:00:00.000Z", 0),
        ("2000-02-29T12:34:56.789Z", 951_827_696_789_000),
        ("2038-01-19T03:14:08.000Z", 2_147_483_648_000_000),
        ("1969-12-31T23:59:59.999Z", -1000),
        ("2100-03-01T00:00:00.000Z", 4_107_542_400_000_000),
    ]

    @Test(arguments: written)
    func `writes and reads RFC 3339`(text: String, microseconds: Int64) {
        #expect(Timestamp(microseconds: microseconds).description == text)
        #expect(Timestamp(text)?.microseconds == microseconds)
    }

    static let read: [(text: String, canonical: String)] = [
        ("2025-03-01T14:00:00+02:00", "2025-03-01T12:00:00.000000Z"),
        ("2025-03-01t23:30:00.5-01:30", "2025-03-02T01:00:00.500000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ("2025-03-01T12:00:00.1234567Z", "2025-03-01T12:00:00.123456Z"),
    ]

    @Test(arguments: read)
    func `reads offsets, fractions and leap seconds`(text: String, canonical: String) {
        #expect(Timestamp(text)?.rfc3339(.microseconds) == canonical)
    }

    @Test(arguments: [
        "", "2025-03-01", "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "2025-03-01T24:00:00Z",
        "2025-03-01T12:00:00", "2025-03-01T12:00:00.Z", "2025-03-01T12:00:00Zx",
        "2025-03-01T12:00:00+2:00", "2025-03-01 12:00:00Z", "+025-03-01T12:00:00Z",
    ])
    func `refuses what is not the form`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func `every day of 800 years is the day after the one before`() {
        var expected = CivilDate(daysSince1970: -150_000)
        for day in -150_000..<150_000 {
            #expect(CivilDate(daysSince1970: day) == expected)
            #expect(expected.daysSince1970 == day)
            expected =
                CivilDate(year: expected.year, month: expected.month, day: expected.day + 1)
                ?? CivilDate(year: expected.year, month: expected.month + 1, day: 1)
                ?? CivilDate(
                    daysSince1970: CivilDate(year: expected.year + 1, month: 1, day: 1)?
                        .daysSince1970 ?? .max
                )
        }
    }
}
