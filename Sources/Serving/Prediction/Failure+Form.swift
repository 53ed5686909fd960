// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON

/// What is wrong with the form of a request, as clients read it.
extension Failure {
    static func wrongForm(_ sentence: String) -> Failure {
        Failure(400, "wrong_form", .data, sentence)
    }

    /// The same, with where in the request it is; nothing for what names its feature anyway.
    func placed(_ list: String, _ index: Int) -> Failure {
        guard details.isEmpty else { return self }
        var failure = self
        failure.sentence = "\(list)[\(index)]: \(sentence)"
        return failure
    }

    static func repeated(_ key: String) -> Failure {
        Failure(400, "duplicate_key", .data, "'\(key)' is given twice")
    }

    static func unknownKey(_ key: String, among known: [String]) -> Failure {
        let nearest = nearestWord(to: key, among: known)
        let hint =
            nearest.map { "did you mean '\($0)'?" } ?? "known are \(known.joined(separator: ", "))"
        let shown = Violations.shortened(key)
        return Failure(400, "unknown_key", .data, "unknown key '\(shown)'; \(hint)")
    }

    static var noRows: Failure {
        Failure(400, "no_rows", .data, "the request has no rows; send at least one")
    }

    static func tooManyRows(_ limit: Int) -> Failure {
        Failure(
            413,
            "too_many_rows",
            .data,
            "the request has more than the \(limit) rows that the model's arena is planned for; "
                + "send it in parts, or raise 'limits.rows'"
        )
    }

    static func disagreeingRows(_ name: String, _ rows: Int, _ before: Int) -> Failure {
        Failure(
            400,
            "wrong_shape",
            .data,
            "input '\(Violations.shortened(name))' has \(rows) rows and the inputs before it \(before); all "
                + "must have the same number"
        )
    }

    /// A shape that the feature cannot have, or that its data does not have.
    static func wrongShape(_ name: String, _ problem: String) -> Failure {
        .single(.wrongShape, name, "wrong shape: " + problem, "see the model's metadata")
    }

    /// Data that has not the elements that its shape says.
    static func wrongData(_ name: String, _ found: String, _ shape: ClaimedShape) -> Failure {
        let dimensions = shape.dimensions
        return wrongShape(
            name,
            "its 'data' has \(found) where the shape \(dimensions) has "
                + dimensions.map(String.init).joined(separator: " x ") + " elements"
        )
    }

    static func lacksData(_ name: String) -> Failure {
        .single(
            .missingFeature,
            name,
            "no data",
            "give 'data', or 'binary_data_size' and the bytes"
        )
    }

    /// What is wrong with a document that an operator sent.
    static func problems(_ problems: GuardProblems) -> Failure {
        Failure(400, "invalid_order", .data, problems.description)
    }

    private static func single(
        _ code: ViolationCode,
        _ feature: String,
        _ problem: String,
        _ hint: String
    ) -> Failure {
        var violations = Violations()
        violations.record(
            code,
            problem,
            feature: Violations.shortened(feature),
            row: nil,
            value: nil,
            hint: hint
        )
        return .violations(violations)
    }
}
