// SPDX-License-Identifier: Apache-2.0

/// An object of a model document, whose members are asked for by name and kind.
struct ModelObject {
    let document: ModelDocument
    /// Where it stands, such as `learner.gradient_booster`; empty for the whole document.
    let path: String
    let members: [String: ModelDocument.Value]

    func has(_ name: String) -> Bool { members[name] != nil }

    func object(_ name: String) throws(ArtifactError) -> ModelObject {
        guard let object = try optionalObject(name) else { throw missing(name, "an object") }
        return object
    }

    func optionalObject(_ name: String) throws(ArtifactError) -> ModelObject? {
        switch members[name] {
        case nil: return nil
        case .object(let inner)?:
            return ModelObject(document: document, path: path(of: name), members: inner)
        case let other?: throw wrong(name, other.kindName, "an object")
        }
    }

    /// The objects of a list, each with its path.
    func objects(_ name: String) throws(ArtifactError) -> [ModelObject] {
        var objects: [ModelObject] = []
        for (index, value) in try list(name).enumerated() {
            let place = "\(path(of: name))[\(index)]"
            guard case .object(let inner) = value else {
                throw document.problem(place, value.kindName, "an object")
            }
            objects.append(ModelObject(document: document, path: place, members: inner))
        }
        return objects
    }

    func text(_ name: String) throws(ArtifactError) -> String {
        switch members[name] {
        case nil: throw missing(name, "a string")
        case .text(let text)?: return text
        case let other?: throw wrong(name, other.kindName, "a string")
        }
    }

    /// The texts of a list; empty where there is none.
    func texts(_ name: String) throws(ArtifactError) -> [String] {
        guard has(name) else { return [] }
        var texts: [String] = []
        for (index, value) in try list(name).enumerated() {
            guard case .text(let text) = value else {
                throw document.problem("\(path(of: name))[\(index)]", value.kindName, "a string")
            }
            texts.append(text)
        }
        return texts
    }

    /// A whole number, which XGBoost writes as a text in most places.
    func integer(_ name: String, default standard: Int? = nil) throws(ArtifactError) -> Int {
        switch members[name] {
        case nil:
            guard let standard else { throw missing(name, "a whole number") }
            return standard
        case .integer(let value)?: return Int(value)
        case .text(let text)?:
            guard let value = Int(text) else { throw wrong(name, "'\(text)'", "a whole number") }
            return value
        case let other?: throw wrong(name, other.kindName, "a whole number")
        }
    }

    func integers(_ name: String) throws(ArtifactError) -> [Int] {
        var found: [Int]?
        switch members[name] {
        case nil: throw missing(name, "an array of whole numbers")
        case .numbers(let run)?: found = document.integers(run)
        case .list(let values)?:
            found = []
            for value in values {
                switch value {
                case .integer(let number): found?.append(Int(number))
                case .bool(let flag): found?.append(flag ? 1 : 0)
                default: found = nil
                }
            }
        case let other?: throw wrong(name, other.kindName, "an array of whole numbers")
        }
        guard let found else { throw wrong(name, "other values", "an array of whole numbers") }
        return found
    }

    func integers(_ name: String, count: Int) throws(ArtifactError) -> [Int] {
        let values = try integers(name)
        try require(name, count: values.count, expected: count)
        return values
    }

    func floats(_ name: String) throws(ArtifactError) -> [Float] {
        var found: [Float]?
        switch members[name] {
        case nil: throw missing(name, "an array of numbers")
        case .numbers(let run)?: found = document.floats(run)
        case .list(let values)?:
            found = []
            for value in values {
                switch value {
                case .integer(let number): found?.append(Float(number))
                case .real(let number): found?.append(Float(number))
                default: found = nil
                }
            }
        case let other?: throw wrong(name, other.kindName, "an array of numbers")
        }
        guard let found else { throw wrong(name, "other values", "an array of numbers") }
        return found
    }

    func floats(_ name: String, count: Int) throws(ArtifactError) -> [Float] {
        let values = try floats(name)
        try require(name, count: values.count, expected: count)
        return values
    }

    private func list(_ name: String) throws(ArtifactError) -> [ModelDocument.Value] {
        switch members[name] {
        case nil: throw missing(name, "an array")
        case .list(let values)?: return values
        case .numbers(let run)? where run.count == 0: return []
        case let other?: throw wrong(name, other.kindName, "an array of other values")
        }
    }

    // MARK: Errors

    func path(of name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    func wrong(
        _ name: String,
        _ found: String,
        _ expected: String = "",
        remedy: String = ""
    ) -> ArtifactError {
        document.problem(path(of: name), found, expected, remedy: remedy)
    }

    private func missing(_ name: String, _ expected: String) -> ArtifactError {
        wrong(name, "is missing", expected, remedy: "save the model with the library's save_model")
    }

    private func require(_ name: String, count: Int, expected: Int) throws(ArtifactError) {
        guard count == expected else {
            throw wrong(name, "has \(count) values", "\(expected)")
        }
    }
}

extension ModelDocument {
    func problem(
        _ place: String,
        _ found: String,
        _ expected: String = "",
        remedy: String = ""
    ) -> ArtifactError {
        ArtifactError(fileName, place, found: found, expected: expected, remedy: remedy)
    }
}
