// SPDX-License-Identifier: Apache-2.0
private import Platform

/// The `Date` field, written anew when the second changes.
struct DateField {
    /// The whole line with its end, such as `date: Sun, 06 Nov 1994 08:49:37 GMT`.
    private(set) var line: [UInt8] = []
    private var second = Int64.min

    /// Brings the line up to the clock on the wall.
    mutating func refresh() {
        let now = WallClock.now().microseconds / 1_000_000
        guard now != second else { return }
        second = now
        line = Array("date: \(httpDate(secondsSince1970: Int(now)))\r\n".utf8)
    }
}

/// A moment as HTTP writes it (RFC 9110 section 5.6.7, IMF-fixdate).
func httpDate(secondsSince1970 seconds: Int) -> String {
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    let date = CivilDate(daysSince1970: seconds / 86400)
    let second = seconds % 86400
    var clock: [UInt8] = []
    clock.append(number: second / 3600, width: 2)
    clock.append(Byte.colon)
    clock.append(number: second / 60 % 60, width: 2)
    clock.append(Byte.colon)
    clock.append(number: second % 60, width: 2)
    var day: [UInt8] = []
    day.append(number: date.day, width: 2)
    return "\(days[date.weekday]), \(String(decoding: day, as: UTF8.self)) "
        + "\(months[date.month - 1]) \(date.year) \(String(decoding: clock, as: UTF8.self)) GMT"
}
