// SPDX-License-Identifier: Apache-2.0
import CKernels
import Guards
import Testing

@testable import Artifacts

/// A column that is taken at once is taken as one element after the other would be.
@Suite struct WholeColumnTests {
    private static let rows = 5

    private static func bytes(_ values: [Double], _ datatype: Datatype) -> [UInt8] {
        func raw(_ value: some BitwiseCopyable) -> [UInt8] {
            unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
        }
        return values.flatMap { value in
            switch datatype {
            case .fp32: raw(Float(value))
            case .fp64: raw(value)
            case .int32: raw(Int32(value))
            default: raw(Int64(value))
            }
        }
    }

    /// What the table has of a column, one element after the other.
    private static func expected(
        _ values: [Double],
        _ feature: Feature
    ) -> FeatureTable {
        var table = table([feature], rows: rows)
        for (element, value) in values.enumerated() {
            let row = element / (values.count / rows)
            if feature.datatype == .int32 || feature.datatype == .int64 {
                table.setInteger(Int64(value), feature: 0, row: row)
            } else {
                let value = feature.datatype == .fp32 ? Double(Float(value)) : value
                table.setReal(value, feature: 0, row: row)
            }
        }
        table.finish()
        return table
    }

    private static let ranges: [ClosedRange<Double>?] = [
        nil, -3...7, 0.1...0.7, 3e9...4e9, -1e300...1e300, 0...0,
    ]

    @Test(arguments: [Datatype.fp32, .fp64, .int32, .int64], ranges)
    func `good and bad columns are taken alike`(
        datatype: Datatype,
        range: ClosedRange<Double>?
    ) {
        var column = feature("f", datatype, missing: .fallback)
        column.range = range
        let isWhole = datatype == .int32 || datatype == .int64
        var odd: [Double] = [0, 7, -3, 8, 0.7, 0.1, 3.5e9, -1e9]
        if !isWhole { odd += [.nan, .infinity, -.infinity, 1e39, -0.0, Double(Float(0.7)).nextUp] }
        if isWhole { odd = [0, 7, -3, 8, 1, -2_147_483_648, 2_147_483_647] }
        for width in [1, 3] {
            column.shape = width == 1 ? nil : [width]
            for value in odd {
                for place in [0, Self.rows * width - 1] {
                    var values = (0..<Self.rows * width).map { Double($0 % 3) }
                    values[place] = value
                    let bytes = [0xAA] + Self.bytes(values, datatype)
                    let want = Self.expected(values, column)
                    var got = table([column], rows: 3)
                    got.reset(rows: Self.rows, holdingTensors: false)
                    got.setBinary(feature: 0, 1..<bytes.count, of: bytes.span)
                    got.finish()
                    let said = "\(value) at \(place) of \(width)"
                    #expect(
                        got.violations.details.map(\.code) == want.violations.details.map(\.code),
                        "\(said)"
                    )
                    #expect(got.violations.total == want.violations.total, "\(said)")
                    for row in 0..<Self.rows {
                        #expect(got.cell(feature: 0, row: row) == want.cell(feature: 0, row: row))
                        #expect(got.guardName(row: row) == want.guardName(row: row))
                        guard got.lentRange(0) == nil else { continue }
                        for element in 0..<width {
                            let left = got.real(feature: 0, row: row, element: element)
                            let right = want.real(feature: 0, row: row, element: element)
                            #expect(left.bitPattern == right.bitPattern, "\(said)")
                        }
                    }
                    let isLent = got.lentRange(0) != nil
                    let isGood = want.violations.isEmpty && !values.contains { $0.isNaN }
                    #expect(isLent == (width > 1 && isGood), "\(said)")
                }
            }
        }
    }

    @Test func `numbers are found out of range at any place and alignment`() {
        let levels = [SERIN_CPU_PORTABLE, SERIN_CPU_VNNI]
        defer { serin_cpu_limit(SERIN_CPU_VNNI) }
        for level in levels {
            serin_cpu_limit(level)
            for count in [0, 1, 7, 8, 1023, 1024, 1025, 3000] {
                for shift in [0, 1, 4] {
                    for bad in [nil, 0, count / 2, count - 1] {
                        var values = [Float](repeating: 2, count: count)
                        if let bad, values.indices.contains(bad) { values[bad] = .nan }
                        let isGood = values.allSatisfy { -1...2 ~= $0 }
                        let bytes =
                            [UInt8](repeating: 0, count: shift)
                            + Self.bytes(values.map(Double.init), .fp32)
                        let found = unsafe bytes.withUnsafeBytes { buffer in
                            unsafe (buffer.baseAddress.map { unsafe $0 + shift }).map {
                                unsafe serin_within_f32($0, count, -1, 2)
                            }
                        }
                        #expect((found ?? true) == isGood, "\(count) \(shift) \(bad ?? -1)")
                    }
                }
            }
        }
    }
}
