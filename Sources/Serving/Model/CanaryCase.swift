// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import JSON

/// The golden records of an artifact, ready to be asked like a client asks.
package struct CanaryCase: Sendable {
    /// Bodies in the row form; several where the records are more than a request may have.
    struct Batch: Sendable {
        let body: [UInt8]
        let records: Range<Int>
    }
    let batches: [Batch]
    let wanted: [JSONValue]
    /// The fallback's own records, likewise.
    let fallbackBatches: [Batch]
    let fallbackWanted: [JSONValue]

    package var recordCount: Int { wanted.count }
    package var fallbackRecordCount: Int { fallbackWanted.count }

    init(artifact: Artifact, rowLimit: Int) throws(ArtifactError) {
        batches = Self.batches(of: artifact.goldenRecords, rowLimit)
        wanted = artifact.goldenRecords.map(\.outputs)
        fallbackBatches = Self.batches(of: artifact.fallbackRecords, rowLimit)
        fallbackWanted = artifact.fallbackRecords.map(\.outputs)
    }

    private static func batches(of records: [GoldenRecord], _ rowLimit: Int) -> [Batch] {
        stride(from: 0, to: records.count, by: max(1, rowLimit)).map { start in
            let range = start..<min(start + rowLimit, records.count)
            let instances = JSONValue.array(records[range].map(\.inputs))
            let body: JSONValue = .object([JSONMember(name: "instances", value: instances)])
            return Batch(body: body.encoded(pretty: false), records: range)
        }
    }
}
