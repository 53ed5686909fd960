// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards

@testable import Serving

/// A contract with a feature of every kind, for the decoders; no graph stands behind it.
let everyKind = #"""
    {
      "features": [
        {"name": "real", "datatype": "FP32", "range": [-10, 10], "missing": "reject",
         "encode": {"to": "A"}},
        {"name": "wide", "datatype": "FP64", "missing": {"default": 1.5}, "encode": {"to": "B"}},
        {"name": "whole", "datatype": "INT64", "missing": "fallback", "encode": {"to": "C"}},
        {"name": "huge", "datatype": "UINT64", "missing": {"default": 0}, "encode": {"to": "D"}},
        {"name": "flag", "datatype": "BOOL", "missing": {"default": false}, "encode": {"to": "E"}},
        {"name": "kind", "datatype": "BYTES", "categories": ["red", "green"], "missing": "reject",
         "unknown": "fallback", "encode": {"to": "F", "as": "ordinal"}},
        {"name": "note", "datatype": "BYTES", "missing": {"default": ""},
         "encode": {"to": "G", "as": "text"}},
        {"name": "grid", "datatype": "FP32", "shape": [2, 2], "missing": {"default": 0},
         "encode": {"to": "H"}}
      ],
      "outputs": [
        {"name": "score", "from": "Y", "column": 0, "datatype": "FP32", "range": [0, 1]},
        {"name": "label", "from": "Z", "column": 0, "datatype": "INT64", "range": [0, 9]}
      ],
      "fallback": [{"kind": "constant", "values": {"score": 0.5, "label": 1}}]
    }
    """#

/// What a decoder made of a body.
enum Decoded: Equatable {
    case accepted
    /// The codes of the violations, in order.
    case violations([ViolationCode])
    case refused(code: String)
}

/// A decoder's target and the contract that it goes by.
struct DecoderBench {
    let contract: Contract
    var table: FeatureTable
    private(set) var request = PredictionRequest(form: .rows)
    private(set) var sentence = ""

    init() throws {
        contract = try Contract(parsing: Array(everyKind.utf8))
        table = FeatureTable(contract: contract, maximumRows: 4)
    }

    mutating func decode(rows body: [UInt8]) -> Decoded {
        attempt { table throws in
            var decoder = RowDecoder(maximumRows: 4)
            return try decoder.decode(body.span, into: &table)
        }
    }

    mutating func decode(tensors body: [UInt8], jsonByteCount: Int? = nil) -> Decoded {
        let outputs = contract.outputs
        return attempt { table throws in
            var decoder = TensorDecoder(
                modelName: "test",
                modelVersion: 1,
                maximumRows: 4,
                outputs: outputs
            )
            return try decoder.decode(
                body.span,
                jsonByteCount: jsonByteCount ?? body.count,
                into: &table
            )
        }
    }

    private mutating func attempt(
        _ decode: (inout FeatureTable) throws -> PredictionRequest
    ) -> Decoded {
        do {
            request = try decode(&table)
            guard table.violations.isEmpty else {
                return .violations(table.violations.details.map(\.code))
            }
            return .accepted
        } catch let failure as Failure {
            sentence = failure.sentence
            guard failure.details.isEmpty else { return .violations(failure.details.map(\.code)) }
            return .refused(code: failure.code)
        } catch {
            sentence = "\(error)"
            return .refused(code: "malformed_json")
        }
    }
}
