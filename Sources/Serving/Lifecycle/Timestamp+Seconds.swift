// SPDX-License-Identifier: Apache-2.0
package import Platform

extension Timestamp {
    /// Whole seconds since 1970, as overrides count them.
    package var epochSeconds: Int64 { microseconds / 1_000_000 }

    package init(epochSeconds: Int64) {
        let (microseconds, overflow) = epochSeconds.multipliedReportingOverflow(by: 1_000_000)
        self.init(microseconds: overflow ? .max : microseconds)
    }
}

extension Span<UInt8> {
    /// The bytes as an array of their own.
    func copied() -> [UInt8] {
        [UInt8](capacity: count) { output in
            for index in indices { output.append(self[index]) }
        }
    }
}
